/* log.h - one JSON object a line on standard error, made for log collectors.
 *
 * {"time":"2026-11-23T10:33:28.494123000Z","level":"info","msg":"listening",…}
 * The time always has a fraction of nine digits (Fluentd's %S.%NZ wants one).
 * msg is a fixed word for the event; what varies goes into fields. A line is
 * one write(2) of less than 8 KiB; longer values are cut. Never log a token, a
 * key or a signed URL.
 *
 *	log_line(LOG_INFO, "lane_lost", LOG_INT("lane", 3), LOG_TEXT("why", why));
 *
 * A loop that answers thousands of requests a second collects its lines in a
 * struct log_batch and writes them once a turn.
 */
#ifndef HALLMARK_BASE_LOG_H
#define HALLMARK_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern enum log_level log_threshold; /* set once at start */

struct log_field {
	const char *key;
	enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_SECONDS } type;
	const char *text; /* NULL leaves the field out */
	int64_t number;   /* LOG_FIELD_SECONDS: microseconds */
};

#define LOG_TEXT(key, v)    ((struct log_field){(key), LOG_FIELD_TEXT, (v), 0})
#define LOG_INT(key, v)     ((struct log_field){(key), LOG_FIELD_INT, NULL, (v)})
#define LOG_SECONDS(key, v) ((struct log_field){(key), LOG_FIELD_SECONDS, NULL, (v)})

/* log_line(level, "msg", LOG_TEXT("why", w), LOG_INT("n", 3)); fields may be none. */
#define log_line(level, ...)                                                                       \
	do {                                                                                       \
		if ((level) <= log_threshold)                                                      \
			LOG_LINE_(level, __VA_ARGS__, (struct log_field){0});                      \
	} while (0)
#define LOG_LINE_(level, msg, ...)                                                                 \
	log_write((level), (msg), (const struct log_field[]){__VA_ARGS__})

/* fields end with one whose key is NULL. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields);

/* For whatever can be neither answered nor undone without memory: says what it was for, and
 * ends the process at once, with status 1. */
_Noreturn void log_out_of_memory(const char *what_for);

enum { LOG_LINE = 8192, LOG_BATCH = 64 * 1024 };
struct log_batch {
	size_t len;
	char lines[LOG_BATCH];
};
void log_collect(struct log_batch *b, enum log_level level, const char *msg,
		 const struct log_field *fields); /* flushes first when it would not fit */
void log_flush(struct log_batch *b);

#endif
