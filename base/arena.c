#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Blocks grow with what an arena holds. The large ones malloc maps and so unmaps alone: thousands
 * of small ones would leave a heap behind that one long-lived piece on top keeps from shrinking. */
enum { BLOCK = 16 * 1024 - 64, LARGE_BLOCK = 256 * 1024 - 64, ALIGN = _Alignof(max_align_t) };

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *what);
	void *what;
};

struct arena {
	struct block *top;
	struct deferred *deferred;
	size_t taken, limit;
	bool starved;
	void (*on_full)(void *who);
	void *who;
};

static void full_by_default(void *who)
{
	(void)who;
	log_out_of_memory("an arena");
}

struct arena *arena_new(size_t limit)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		*a = (struct arena){.limit = limit, .on_full = full_by_default};
	return a;
}

void arena_on_full(struct arena *a, void (*on_full)(void *who), void *who)
{
	a->on_full = on_full;
	a->who = who;
}

struct arena_way_out arena_swap_way_out(struct arena *a, struct arena_way_out way_out)
{
	const struct arena_way_out before = {a->on_full, a->who};

	arena_on_full(a, way_out.on_full, way_out.who);
	return before;
}

size_t arena_taken(const struct arena *a)
{
	return a->taken;
}

bool arena_starved(const struct arena *a)
{
	return a->starved;
}

/* Of a block that is to hold size bytes. */
static size_t room_for(const struct arena *a, size_t size)
{
	size_t left = a->limit - a->taken;
	size_t room = a->taken < BLOCK ? BLOCK : a->taken < LARGE_BLOCK ? a->taken : LARGE_BLOCK;

	if (room > left)
		room = left;
	return room > size ? room : size;
}

static struct block *block_new(struct arena *a, size_t room)
{
	struct block *b = malloc(sizeof(*b) + room);

	if (!b)
		return NULL;
	b->next = a->top;
	b->size = room;
	b->used = 0;
	a->taken += room;
	a->top = b;
	return b;
}

static struct block *block_push(struct arena *a, size_t size)
{
	const size_t room = room_for(a, size);
	struct block *b = NULL;

	if (room <= a->limit && a->taken <= a->limit - room)
		a->starved = !(b = block_new(a, room));
	if (!b) {
		a->on_full(a->who);
		abort(); /* on_full promised not to return */
	}
	return b;
}

struct arena *arena_new_warm(size_t limit, size_t room)
{
	struct arena *a = arena_new(limit);

	if (!a || block_new(a, room))
		return a;
	free(a);
	return NULL;
}

void *arena_bytes(struct arena *a, size_t size)
{
	struct block *b = a->top;

	if (size > a->limit) /* also keeps the rounding from wrapping */
		size = a->limit + 1;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!b || b->size - b->used < size)
		b = block_push(a, size);
	void *p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_bytes(a, size), 0, size);
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX;
	return arena_alloc(a, total);
}

char *arena_dup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_bytes(a, len + 1);

	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	char *p = arena_alloc(a, (size_t)(len < 0 ? 0 : len) + 1);
	if (len > 0)
		vsnprintf(p, (size_t)len + 1, fmt, again);
	va_end(again);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void arena_defer(struct arena *a, void (*release)(void *what), void *what)
{
	struct deferred *d = arena_alloc(a, sizeof(*d));

	*d = (struct deferred){.next = a->deferred, .release = release, .what = what};
	a->deferred = d;
}

void arena_reset(struct arena *a)
{
	while (a->deferred) {
		struct deferred *d = a->deferred;
		a->deferred = d->next;
		d->release(d->what);
	}
	while (a->top && (a->top->next || a->top->size > BLOCK)) { /* one block stays warm */
		struct block *b = a->top;
		a->top = b->next;
		a->taken -= b->size;
		free(b);
	}
	if (a->top)
		a->top->used = 0;
	a->starved = false;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	arena_reset(a);
	free(a->top);
	free(a);
}
