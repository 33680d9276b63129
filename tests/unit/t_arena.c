#include <setjmp.h>
#include <stdint.h>

#include "base/arena.h"
#include "tap.h"

#define KIB ((size_t)1024)

static jmp_buf full;

static void jump_out(void *who)
{
	++*(int *)who;
	longjmp(full, 1);
}

static bool all_zero(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static void hands_out_zeroed_aligned_memory(void)
{
	static const size_t sizes[] = {1, 7, 16, 100, 4096, 16 * KIB, 100 * KIB};
	struct arena *a = arena_new(1 << 20);

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unsigned char *p = arena_alloc(a, sizes[i]);

			ok((uintptr_t)p % _Alignof(max_align_t) == 0 && all_zero(p, sizes[i]),
			   "%zu bytes are aligned and zero, round %d", sizes[i], round);
			memset(p, 0xff, sizes[i]); /* what the next round must not see */
		}
		arena_reset(a);
	}
	arena_free(a);
}

static void holds_nothing_before_the_first_byte_and_one_block_after_a_reset(void)
{
	struct arena *a = arena_new(1 << 20);

	is_int(arena_taken(a), 0, "a new arena holds nothing");
	arena_alloc(a, 1);
	size_t one = arena_taken(a);
	ok(one > 0 && one <= 16 * KIB, "one byte takes one block of at most 16 KiB");
	arena_alloc(a, 300 * KIB);
	arena_alloc(a, 1);
	ok(arena_taken(a) > 300 * KIB, "a large piece counts");
	arena_reset(a);
	is_int(arena_taken(a), one, "a reset keeps one ordinary block");
	arena_alloc(a, 500 * KIB);
	arena_reset(a);
	ok(arena_taken(a) <= one, "a large block is never the one that stays");
	arena_free(a);
	arena_free(NULL);
}

/* Each must find the arena full: the second by overflow, the others by the limit. */
static void past_the_limit_on_full_is_called(void)
{
	static const struct {
		size_t n, size;
	} cases[] = {{1, 65 * KIB}, {SIZE_MAX / 2, 3}, {1, SIZE_MAX}, {1, SIZE_MAX - 8}};
	struct arena *a = arena_new(64 * KIB);
	volatile size_t i;
	static int calls;

	arena_on_full(a, jump_out, &calls);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (setjmp(full) == 0)
			arena_calloc(a, cases[i].n, cases[i].size);
		is_int(calls, (int)i + 1, "%zu × %zu bytes do not fit", cases[i].n, cases[i].size);
	}
	volatile int served = 0;
	if (setjmp(full) == 0)
		for (;; served++)
			arena_bytes(a, 1000);
	ok(served >= 40 && served <= 65, "64 KiB serve about 64 pieces of 1,000 bytes, not %d",
	   served);
	ok(arena_taken(a) <= 64 * KIB, "the limit was kept");
	arena_free(a);
}

static void text_is_copied_and_printed(void)
{
	struct arena *a = arena_new(1 << 20);

	is_str(arena_dup(a, "abcdef", 3), "abc", "a copy ends where it should");
	is_str(arena_dup(a, NULL, 0), "", "no text is the empty text");
	is_str(arena_printf(a, "%s-%d", "x", 42), "x-42", "printf");
	char *wide = arena_printf(a, "%20000d", 7);
	ok(strlen(wide) == 20000 && wide[19999] == '7', "a text longer than a block");
	arena_free(a);
}

static char order[8];

static void note(void *what)
{
	strncat(order, what, 1);
}

static void deferred_calls_run_last_first_and_once(void)
{
	static char one[] = "1", two[] = "2", three[] = "3";
	struct arena *a = arena_new(1 << 20);

	arena_defer(a, note, one);
	arena_defer(a, note, two);
	arena_reset(a);
	is_str(order, "21", "last first");
	arena_defer(a, note, three);
	arena_free(a);
	is_str(order, "213", "once each, at the free too");
}

int main(void)
{
	hands_out_zeroed_aligned_memory();
	holds_nothing_before_the_first_byte_and_one_block_after_a_reset();
	past_the_limit_on_full_is_called();
	text_is_copied_and_printed();
	deferred_calls_run_last_first_and_once();
	return tap_done();
}
