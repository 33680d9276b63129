#include "cli/progress.h"

#include "base/timestamp.h"
#include "cli/screen.h"

enum { EVERY_US = 100000, LINE = 256, HOUR = 3600, LONG_TIME = 99 * HOUR };

static void remaining(int64_t seconds, char *buf, size_t size)
{
	if (seconds > LONG_TIME)
		snprintf(buf, size, "a long time");
	else if (seconds >= HOUR)
		snprintf(buf, size, "%lldh%02lldm", (long long)seconds / HOUR,
			 (long long)seconds / 60 % 60);
	else
		snprintf(buf, size, "%lld:%02lld", (long long)seconds / 60,
			 (long long)seconds % 60);
}

static void draw(struct progress *p, int64_t now)
{
	char line[LINE], done[SIZE_TEXT], all[SIZE_TEXT], rate[SIZE_TEXT], left[32] = "";
	int64_t moved = atomic_load(&p->bytes_done);
	int64_t have = moved + atomic_load(&p->bytes_before);
	int64_t us = now - p->began;
	int64_t speed = us > 0 ? (int64_t)((double)moved * 1e6 / (double)us) : 0;
	int width = screen_width(stderr);

	if (speed > 0 && p->bytes >= have)
		remaining((p->bytes - have) / speed, left, sizeof(left));
	snprintf(line, sizeof(line), "%s %zu/%zu files  %s of %s  %s/s  %s", p->verb,
		 atomic_load(&p->files_done), p->files, screen_size(have, done),
		 screen_size(p->bytes, all), screen_size(speed, rate), left);
	if (width > 1)
		fprintf(stderr, "\r%.*s\033[K", width - 1, line);
}

static void draw_when_due(struct progress *p)
{
	int64_t now, before;

	if (!p->shown)
		return;
	now = monotonic_us();
	before = atomic_load(&p->drawn);
	if (now - before >= EVERY_US && atomic_compare_exchange_strong(&p->drawn, &before, now))
		draw(p, now);
}

void progress_begin(struct progress *p, const struct cli *cli, const char *verb, size_t files,
		    int64_t bytes)
{
	const int64_t now = monotonic_us();

	*p = (struct progress){
		.verb = verb,
		.shown = cli->progress,
		.files = files,
		.bytes = bytes,
		.began = now,
		.drawn = now, /* a first rate needs some time to be one */
	};
}

void progress_bytes(void *who, int64_t bytes)
{
	struct progress *p = who;

	atomic_fetch_add(&p->bytes_done, bytes);
	draw_when_due(p);
}

void progress_known(struct progress *p, int64_t bytes)
{
	atomic_fetch_add(&p->bytes_before, bytes);
	draw_when_due(p);
}

void progress_file(struct progress *p)
{
	atomic_fetch_add(&p->files_done, 1);
	draw_when_due(p);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
