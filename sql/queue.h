/* queue.h - calls in a row, linked through themselves.
 *
 * A call stands in at most two rows at once: BY_TURN the one it will be sent or
 * answered from (call->queue says which), and BY_AGE, while it waits, its pool's
 * row of all that wait, the oldest first. Every operation is a few stores.
 */
#ifndef HALLMARK_SQL_QUEUE_H
#define HALLMARK_SQL_QUEUE_H

#include <stddef.h>

#include "sql/db.h"

enum link_kind { BY_TURN, BY_AGE };

struct queue {
	struct db_call *first, *last;
	int count;
	enum link_kind link;
};

static inline void queue_insert_after(struct queue *q, struct db_call *before, struct db_call *c)
{
	struct db_call *next = before ? before->links[q->link].next : q->first;

	c->links[q->link] = (struct db_link){.next = next, .prev = before};
	*(before ? &before->links[q->link].next : &q->first) = c;
	*(next ? &next->links[q->link].prev : &q->last) = c;
	q->count++;
	if (q->link == BY_TURN)
		c->queue = q;
}

static inline void queue_push(struct queue *q, struct db_call *c)
{
	queue_insert_after(q, q->last, c);
}

static inline void queue_push_front(struct queue *q, struct db_call *c)
{
	queue_insert_after(q, NULL, c);
}

static inline void queue_remove(struct queue *q, struct db_call *c)
{
	const struct db_link *l = &c->links[q->link];

	*(l->prev ? &l->prev->links[q->link].next : &q->first) = l->next;
	*(l->next ? &l->next->links[q->link].prev : &q->last) = l->prev;
	q->count--;
	if (q->link == BY_TURN)
		c->queue = NULL;
}

#endif
