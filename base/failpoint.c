#include "base/failpoint.h"

typedef int not_an_empty_file; /* which ISO C forbids */

#ifdef HALLMARK_FAILPOINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct failpoint {
	_Atomic int32_t countdown, action, value, hits;
};

static struct failpoint *points; /* NULL: nobody has named a file */

/* Before main(): later a process may have given up its right to open files. */
__attribute__((constructor)) static void map_points(void)
{
	const size_t size = FAILPOINT_COUNT * sizeof(*points);
	const char *path = getenv("FAILPOINTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map =
		fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (path && map == MAP_FAILED) {
		perror(path);
		_exit(1);
	}
	if (path) {
		points = map;
		close(fd);
	}
}

static int act(const struct failpoint *p)
{
	const int value = atomic_load(&p->value);
	const struct timespec delay = {value / 1000, value % 1000 * 1000000L};

	switch (atomic_load(&p->action)) {
	case FAILPOINT_KILL:
		kill(getpid(), SIGKILL);
		abort();
	case FAILPOINT_KILL_OTHER:
		kill(value, SIGKILL);
		return 0;
	case FAILPOINT_STOP:
		kill(getpid(), SIGSTOP);
		return 0;
	case FAILPOINT_DELAY:
		nanosleep(&delay, NULL);
		return 0;
	case FAILPOINT_FAIL:
		return value;
	default:
		return 0;
	}
}

int failpoint(enum failpoint_id id)
{
	const int saved = errno;
	struct failpoint *p = points ? &points[id] : NULL;
	int32_t left = p ? atomic_load(&p->countdown) : 0;
	int error = 0;

	if (p)
		atomic_fetch_add(&p->hits, 1);
	while (left > 0 && !atomic_compare_exchange_weak(&p->countdown, &left, left - 1))
		;
	if (left == 1)
		error = act(p);
	errno = saved;
	return error;
}

#endif
