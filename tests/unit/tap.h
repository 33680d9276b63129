/* tap.h - a test harness in one header: programs print TAP, `prove` runs them. */
#ifndef HALLMARK_TESTS_TAP_H
#define HALLMARK_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Weak, so that all files of a program count together. */
__attribute__((weak)) int tap_run, tap_bad;

#define ok(cond, ...) tap_report((cond), __FILE__, __LINE__, #cond, __VA_ARGS__)

static inline bool tap_report(bool good, const char *file, int line, const char *what,
			      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static inline bool tap_report(bool good, const char *file, int line, const char *what,
			      const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good)
		printf("# %s:%d: %s\n", file, line, what);
	tap_bad += !good;
	fflush(stdout);
	return good;
}

#define is_str(got, want, ...)                                                                     \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (!ok(got_ && strcmp(got_, want_) == 0, __VA_ARGS__))                            \
			printf("#  got: %s\n# want: %s\n", got_ ? got_ : "(null)", want_);         \
	} while (0)

#define is_int(got, want, ...)                                                                     \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (!ok(got_ == want_, __VA_ARGS__))                                               \
			printf("#  got: %lld\n# want: %lld\n", got_, want_);                       \
	} while (0)

static inline int tap_done(void)
{
	printf("1..%d\n", tap_run);
	return tap_bad != 0;
}

#endif
