/* json_memory.h - jansson's trees live in an arena, so nobody frees them.
 *
 * While a thread has a current arena, everything jansson allocates on that
 * thread comes from it and json_decref() gives nothing back; the arena's reset
 * ends the trees. Without one, jansson uses malloc() as ever, and what it hands
 * out may be freed with free(). Trees of both kinds may be mixed on one thread.
 *
 * A full arena jumps out of jansson (base/arena.h); whoever it jumps to calls
 * json_use_arena(NULL) before the thread goes on.
 */
#ifndef HALLMARK_BASE_JSON_MEMORY_H
#define HALLMARK_BASE_JSON_MEMORY_H

#include "base/arena.h"

/* What jansson's callers take for JSON that is none, or for a member that is not there, may be want
 * of memory. Where no arena is current this is called instead, with NULL; it must not return. */
void json_on_full(void (*on_full)(void *who));

/* Makes a the thread's current arena (NULL: none), returns the one before. */
struct arena *json_use_arena(struct arena *a);

#endif
