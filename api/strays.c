#include "api/strays.h"

#include <stdlib.h>
#include <string.h>

#include "base/owner.h"
#include "base/timestamp.h"
#include "storage/ingest.h"

#define PATIENCE (INT64_C(600) * 1000000)

struct strays {
	struct poller *poller;
	struct db *db;
	struct store *store;
	struct jobs *jobs;
	struct stray *first;
};

struct stray {
	struct readback readback;
	struct strays *all;
	struct stray *next, **link; /* link: what points here */
	char key[STORAGE_KEY];
	char request_id[]; /* with its NUL */
};

struct strays *strays_new(struct poller *poller, struct db *db, struct store *store,
			  struct jobs *jobs)
{
	struct strays *s = malloc(sizeof(*s));

	if (s)
		*s = (struct strays){poller, db, store, jobs, NULL};
	return s;
}

static void drop(struct stray *one)
{
	*one->link = one->next;
	if (one->next)
		one->next->link = one->link;
	free(one);
}

static void found_out(struct readback *r, enum readback_end end)
{
	struct stray *one = OWNER_OF(r, struct stray, readback);

	if (end == READBACK_NOT_MADE)
		ingest_discard(one->all->store, one->all->jobs, one->key);
	drop(one);
}

static void link_first(struct strays *s, struct stray *one)
{
	one->all = s;
	one->next = s->first;
	one->link = &s->first;
	if (one->next)
		one->next->link = &one->next;
	s->first = one;
}

void strays_add(struct strays *s, const struct readback *asked)
{
	const size_t len = strlen(asked->request_id) + 1;
	struct stray *one = calloc(1, sizeof(*one) + len);

	if (!one)
		return;
	memcpy(one->request_id, asked->request_id, len);
	memcpy(one->key, asked->mark, strnlen(asked->mark, STORAGE_KEY - 1));
	one->readback = (struct readback){.poller = s->poller,
					  .db = s->db,
					  .request_id = one->request_id,
					  .unique = asked->unique,
					  .mark = one->key,
					  .until = monotonic_us() + PATIENCE,
					  .done = found_out};
	link_first(s, one);
	readback_begin(&one->readback,
		       &(struct db_call){.backend = asked->backend, .sent = asked->sent});
}

void strays_free(struct strays *s)
{
	struct stray *next;

	for (struct stray *one = s ? s->first : NULL; one; one = next) {
		next = one->next;
		readback_drop(&one->readback);
		free(one);
	}
	free(s);
}
