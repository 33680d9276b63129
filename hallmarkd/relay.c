#include "hallmarkd/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/owner.h"

static const struct {
	const char *word;
	enum log_level level;
} severities[] = {
	{"LOG:  ", LOG_INFO},    {"WARNING:  ", LOG_WARN}, {"ERROR:  ", LOG_WARN},
	{"FATAL:  ", LOG_ERROR}, {"PANIC:  ", LOG_ERROR},  {"NOTICE:  ", LOG_DEBUG},
	{"INFO:  ", LOG_INFO},   {"DEBUG:  ", LOG_DEBUG},
};

static void emit(struct relay *r, const char *line)
{
	for (size_t i = 0; i < sizeof(severities) / sizeof(*severities); i++) {
		size_t len = strlen(severities[i].word);

		if (strncmp(line, severities[i].word, len) == 0) {
			r->level = severities[i].level;
			line += len;
			break;
		}
	}
	if (*line)
		log_line(r->level, "postgres", LOG_TEXT("text", line));
}

/* Hands on the whole lines; one that fills the buffer goes as it is. */
static void emit_lines(struct relay *r)
{
	char *start = r->line, *end;

	r->line[r->len] = '\0';
	while ((end = strchr(start, '\n'))) {
		*end = '\0';
		emit(r, start);
		start = end + 1;
	}
	size_t rest = strlen(start);
	if (rest == sizeof(r->line) - 1) {
		emit(r, start);
		rest = 0;
	}
	memmove(r->line, start, rest);
	r->len = rest;
}

/* False when there is nothing more for now. */
static bool read_some(struct relay *r)
{
	ssize_t n = read(r->watch.fd, r->line + r->len, sizeof(r->line) - 1 - r->len);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	for (ssize_t i = 0; i < n; i++) { /* a NUL byte would hide what follows it */
		if (r->line[r->len + (size_t)i] == '\0')
			r->line[r->len + (size_t)i] = '?';
	}
	r->len += (size_t)n;
	emit_lines(r);
	return true;
}

static void relay_ready(struct watch *w, uint32_t events)
{
	struct relay *r = OWNER_OF(w, struct relay, watch);

	if (!read_some(r) && (events & (EPOLLHUP | EPOLLERR)))
		relay_close(r);
}

int relay_open(struct relay *r, struct poller *p)
{
	int ends[2];

	relay_close(r);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	fcntl(ends[1], F_SETFL, 0); /* PostgreSQL waits rather than loses lines */
	r->poller = p;
	r->len = 0;
	r->level = LOG_INFO;
	r->watch = (struct watch){.fd = ends[0], .ready = relay_ready};
	if (!poller_watch(p, &r->watch, EPOLLIN)) {
		close(ends[0]);
		close(ends[1]);
		r->watch.fd = 0;
		return -1;
	}
	return ends[1];
}

void relay_close(struct relay *r)
{
	if (!r->watch.fd)
		return;
	while (read_some(r))
		;
	poller_unwatch(r->poller, &r->watch);
	close(r->watch.fd);
	r->watch.fd = 0;
}
