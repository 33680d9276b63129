/* arena.h - memory that lives exactly as long as one piece of work.
 *
 * Take what you need, give nothing back: arena_reset() ends it all at once.
 * An arena belongs to one request (or one command) and so to one thread.
 * Allocation never returns NULL. Past the limit, or when the system has no
 * memory left, the arena calls its on_full, which must not return: a request
 * answers 503 from there, a command prints one line and exits.
 *
 * What is not memory (a JSON tree of malloc, a descriptor) can be tied to the
 * arena with arena_defer() and is released, last first, by the reset.
 */
#ifndef HALLMARK_BASE_ARENA_H
#define HALLMARK_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* An empty arena that hands out at most limit bytes; NULL when memory is out.
 * Without arena_on_full() a full arena ends the process, which log.h says how. */
struct arena *arena_new(size_t limit);
/* One that holds room bytes already: until they are taken it cannot be full. */
struct arena *arena_new_warm(size_t limit, size_t room);
void arena_on_full(struct arena *a, void (*on_full)(void *who), void *who);

/* Another way out for a while, for code that uses an arena outside the work it belongs
 * to; returns the one before, to be put back. */
struct arena_way_out {
	void (*on_full)(void *who);
	void *who;
};
struct arena_way_out arena_swap_way_out(struct arena *a, struct arena_way_out way_out);

void arena_reset(struct arena *a); /* ends every allocation, keeps one block warm */
void arena_free(struct arena *a);
size_t arena_taken(const struct arena *a); /* bytes held from the system */
bool arena_starved(const struct arena *a); /* it was called full for want of the system's memory */

void *arena_alloc(struct arena *a, size_t size);             /* zeroed, aligned for any type */
void *arena_bytes(struct arena *a, size_t size);             /* the same, not zeroed */
char *arena_dup(struct arena *a, const char *s, size_t len); /* adds a final NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Calls release(what) when the arena is reset or freed. */
void arena_defer(struct arena *a, void (*release)(void *what), void *what);

/* An array of n zeroed elements; a product that overflows counts as "full". */
#define arena_array(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))
void *arena_calloc(struct arena *a, size_t n, size_t size);

#endif
