#include "base/json_memory.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* free() has to tell whose a pointer is, without a header that would keep
 * json_dumps() and free() apart: malloc() returns multiples of 16, so what comes
 * from an arena lies 8 past one. jansson's own types are happy with 8. (Some
 * allocators return multiples of 8 for the smallest sizes only: see take().) */
enum { MALLOC_ALIGN = 16, ARENA_OFFSET = 8 };
_Static_assert(_Alignof(max_align_t) == MALLOC_ALIGN, "malloc() aligns to 16");
_Static_assert(_Alignof(json_int_t) <= ARENA_OFFSET, "jansson's types align to 8");

static _Thread_local struct arena *current;
static void (*without_memory)(void *who);

static void *take_from_system(size_t size)
{
	void *p = malloc(size < MALLOC_ALIGN ? MALLOC_ALIGN : size);

	if (!p && without_memory)
		without_memory(NULL);
	return p;
}

void json_on_full(void (*on_full)(void *who))
{
	without_memory = on_full;
}

static void *take(size_t size)
{
	if (!current)
		return take_from_system(size);
	if (size > SIZE_MAX - ARENA_OFFSET)
		return NULL;
	return (char *)arena_bytes(current, size + ARENA_OFFSET) + ARENA_OFFSET;
}

static void give_back(void *p)
{
	if ((uintptr_t)p % MALLOC_ALIGN != ARENA_OFFSET)
		free(p);
}

struct arena *json_use_arena(struct arena *a)
{
	struct arena *before = current;

	current = a;
	return before;
}

/* Before main(), because jansson wants it before anything else of it runs. */
__attribute__((constructor)) static void install(void)
{
	json_set_alloc_funcs(take, give_back);
}
