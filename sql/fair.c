#include "sql/fair.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

struct fair_key {
	struct fair_key *next; /* in its bucket, or among the free ones */
	uint64_t key;
	int through;
	struct queue row;
};

struct fair {
	int share;
	uint64_t mask;
	int keys, touched; /* beyond touched no memory was ever used */
	struct fair_key *free;
	struct fair_key **buckets;
	struct fair_key pool[];
};

struct fair *fair_new(int keys, int share)
{
	struct fair *f = calloc(1, sizeof(*f) + (size_t)keys * sizeof(struct fair_key));
	uint64_t buckets = 16;

	while (buckets < (uint64_t)keys)
		buckets *= 2;
	if (f)
		f->buckets = calloc(buckets, sizeof(struct fair_key *));
	if (!f || !f->buckets) {
		free(f);
		return NULL;
	}
	f->share = share;
	f->keys = keys;
	f->mask = buckets - 1;
	return f;
}

void fair_free(struct fair *f)
{
	if (!f)
		return;
	free(f->buckets);
	free(f);
}

/* Keys need not be good hashes: Fibonacci's multiplier spreads them. */
static struct fair_key **bucket_of(struct fair *f, uint64_t key)
{
	return &f->buckets[(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & f->mask];
}

static struct fair_key *find(struct fair *f, uint64_t key)
{
	struct fair_key *k = *bucket_of(f, key);

	while (k && k->key != key)
		k = k->next;
	return k;
}

static struct fair_key *add(struct fair *f, uint64_t key)
{
	struct fair_key *k = f->free, **bucket = bucket_of(f, key);

	if (k) {
		f->free = k->next;
	} else {
		assert(f->touched < f->keys);
		k = &f->pool[f->touched++];
	}
	*k = (struct fair_key){.next = *bucket, .key = key, .row = {.link = BY_TURN}};
	return *bucket = k;
}

static void drop(struct fair *f, struct fair_key *k)
{
	struct fair_key **at = bucket_of(f, k->key);

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->next = f->free;
	f->free = k;
}

bool fair_admit(struct fair *f, struct db_call *call)
{
	call->fair = NULL;
	if (call->key == 0)
		return true;
	struct fair_key *k = find(f, call->key);
	call->fair = k = k ? k : add(f, call->key);
	if (k->through < f->share) {
		k->through++;
		return true;
	}
	queue_push(&k->row, call);
	return false;
}

struct db_call *fair_release(struct fair *f, struct db_call *call)
{
	struct fair_key *k = call->fair;

	call->fair = NULL;
	if (!k)
		return NULL;
	if (call->queue == &k->row) {
		queue_remove(&k->row, call);
		return NULL;
	}
	struct db_call *next = k->row.first;
	if (next) {
		queue_remove(&k->row, next);
		return next; /* takes over the place that became free */
	}
	if (--k->through == 0)
		drop(f, k);
	return NULL;
}
