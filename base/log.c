#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/plain.h"

enum log_level log_threshold = LOG_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Room is kept for the closing brace and newline: a line is cut, never broken. */
struct line {
	char *at, *end;
};

static void put(struct line *l, const char *s, size_t len)
{
	if ((size_t)(l->end - l->at) < len)
		len = (size_t)(l->end - l->at);
	memcpy(l->at, s, len);
	l->at += len;
}

static void put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* Fixed width with leading zeros when width > 0. */
static void put_number(struct line *l, int64_t v, int width)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + rest % 10);
		width--;
	} while ((rest /= 10) || width > 0);
	if (v < 0)
		*--p = '-';
	put(l, p, (size_t)(digits + sizeof(digits) - p));
}

/* Room for the longest escape, the closing quote and the comma of what follows. */
enum { ESCAPE_ROOM = 8, VALUE_MAX = 2048 };

static void put_escape(struct line *l, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	const char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	put(l, u, sizeof(u));
}

/* Control bytes would let a client write lines of its own. Cut at 2 KiB, on a
 * character's edge, so that one long value leaves room for the others. */
static void put_quoted(struct line *l, const char *s)
{
	size_t len = strnlen(s, VALUE_MAX);

	while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	put(l, "\"", 1);
	while (len && l->end - l->at > ESCAPE_ROOM) {
		const size_t room = (size_t)(l->end - l->at) - ESCAPE_ROOM;
		const size_t plain = plain_run(s, len < room ? len : room);

		put(l, s, plain);
		if (plain == 0)
			put_escape(l, (unsigned char)*s);
		s += plain ? plain : 1;
		len -= plain ? plain : 1;
	}
	put(l, "\"", 1);
}

static void put_time(struct line *l)
{
	static _Thread_local time_t second;
	static _Thread_local char text[24];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second || !*text) {
		struct tm tm;

		gmtime_r(&now.tv_sec, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &tm);
		second = now.tv_sec;
	}
	put_str(l, text);
	put_number(l, now.tv_nsec, 9);
}

static void put_field(struct line *l, const struct log_field *f)
{
	if (f->type == LOG_FIELD_TEXT && !f->text)
		return;
	put(l, ",\"", 2);
	put_str(l, f->key);
	put(l, "\":", 2);
	if (f->type == LOG_FIELD_TEXT) {
		put_quoted(l, f->text);
	} else if (f->type == LOG_FIELD_INT) {
		put_number(l, f->number, 0);
	} else {
		put_number(l, f->number / 1000000, 0);
		put(l, ".", 1);
		put_number(l, f->number % 1000000, 6);
	}
}

static size_t line_make(char *buf, size_t size, enum log_level level, const char *msg,
			const struct log_field *fields)
{
	struct line l = {.at = buf, .end = buf + size - 2};

	put_str(&l, "{\"time\":\"");
	put_time(&l);
	put_str(&l, "Z\",\"level\":\"");
	put_str(&l, level_names[level]);
	put_str(&l, "\",\"msg\":");
	put_quoted(&l, msg);
	for (const struct log_field *f = fields; f->key; f++) {
		char *before = l.at;

		put_field(&l, f);
		if (l.at == l.end) { /* did not fit whole: leave it out */
			l.at = before;
			break;
		}
	}
	memcpy(l.at, "}\n", 2);
	return (size_t)(l.at + 2 - buf);
}

static void write_whole(const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, s, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere left to say so */
		s += n;
		len -= (size_t)n;
	}
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields)
{
	char line[LOG_LINE];
	int saved = errno;

	write_whole(line, line_make(line, sizeof(line), level, msg, fields));
	errno = saved;
}

void log_out_of_memory(const char *what_for)
{
	log_line(LOG_ERROR, "out_of_memory", LOG_TEXT("what_for", what_for));
	_exit(1);
}

void log_flush(struct log_batch *b)
{
	write_whole(b->lines, b->len);
	b->len = 0;
}

void log_collect(struct log_batch *b, enum log_level level, const char *msg,
		 const struct log_field *fields)
{
	if (level > log_threshold)
		return;
	if (sizeof(b->lines) - b->len < LOG_LINE)
		log_flush(b);
	b->len += line_make(b->lines + b->len, LOG_LINE, level, msg, fields);
}
