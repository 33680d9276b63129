/* faults.h - a storage medium that fails when told to.
 *
 * A test that includes this gets its own write, fsync, rename, close and statfs in
 * front of the C library's: they do the real thing unless a fault is armed, and
 * they keep a trace of what made bytes durable, in order. Writes to what is no
 * ordinary file (logs, the wake-ups of loops) never fail.
 */
#ifndef HALLMARK_TESTS_FAULTS_H
#define HALLMARK_TESTS_FAULTS_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum fault_call { FAULT_WRITE, FAULT_FSYNC, FAULT_RENAME, FAULT_CLOSE, FAULT_CALLS };

static struct {
	atomic_int left; /* calls until it strikes; 0: not armed */
	atomic_int error;
} fault_armed[FAULT_CALLS];

static atomic_bool fault_short_writes_, fault_remote_, fault_tracing;
static pthread_mutex_t fault_trace_lock = PTHREAD_MUTEX_INITIALIZER;
static char fault_trace[8192];

/* The nth call from now (1 is the next) fails with error, once. */
static inline void fault_arm(enum fault_call call, int nth, int error)
{
	atomic_store(&fault_armed[call].error, error);
	atomic_store(&fault_armed[call].left, nth);
}

/* 0 when it has struck, else 1. */
static inline int fault_disarm(enum fault_call call)
{
	return atomic_exchange(&fault_armed[call].left, 0) > 0;
}

/* Every write takes at most 1,000 bytes and every third is interrupted. */
static inline void fault_short_writes(bool on)
{
	atomic_store(&fault_short_writes_, on);
}

/* Every file system looks like NFS. */
static inline void fault_remote(bool on)
{
	atomic_store(&fault_remote_, on);
}

/* "fsync FILE\n", "rename FILE\n" …; FILE is the last part of the path. */
static inline void fault_trace_begin(void)
{
	fault_trace[0] = '\0';
	atomic_store(&fault_tracing, true);
}

static inline const char *fault_trace_end(void)
{
	atomic_store(&fault_tracing, false);
	return fault_trace;
}

static bool fault_strikes(enum fault_call call)
{
	int left = atomic_load(&fault_armed[call].left);

	while (left > 0 && !atomic_compare_exchange_weak(&fault_armed[call].left, &left, left - 1))
		;
	if (left != 1)
		return false;
	errno = atomic_load(&fault_armed[call].error);
	return true;
}

static void fault_note(const char *what, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!atomic_load(&fault_tracing))
		return;
	pthread_mutex_lock(&fault_trace_lock);
	size_t len = strlen(fault_trace);
	snprintf(fault_trace + len, sizeof(fault_trace) - len, "%s %s\n", what,
		 slash ? slash + 1 : path);
	pthread_mutex_unlock(&fault_trace_lock);
}

static void fault_note_fd(const char *what, int fd)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	fault_note(what, path);
}

int fsync(int fd)
{
	if (fault_strikes(FAULT_FSYNC))
		return -1;
	fault_note_fd("fsync", fd);
	return (int)syscall(SYS_fsync, fd);
}

int rename(const char *old, const char *new)
{
	if (fault_strikes(FAULT_RENAME))
		return -1;
	fault_note("rename", new);
	return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

/* The next in line, which may be a sanitizer's that keeps book of descriptors. */
static int fault_real_close(int fd)
{
	void *symbol = dlsym(RTLD_NEXT, "close");
	int (*real)(int);

	memcpy(&real, &symbol, sizeof(real)); /* ISO C has no cast from data to function */
	return real(fd);
}

/* The descriptor is gone even when close fails, as on Linux. */
int close(int fd)
{
	const bool fails = fault_strikes(FAULT_CLOSE);
	const int error = errno;
	const int result = fault_real_close(fd);

	if (!fails)
		return result;
	errno = error;
	return -1;
}

ssize_t write(int fd, const void *buf, size_t n)
{
	static atomic_int count;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return syscall(SYS_write, fd, buf, n);
	if (fault_strikes(FAULT_WRITE))
		return -1;
	if (atomic_load(&fault_short_writes_)) {
		if (atomic_fetch_add(&count, 1) % 3 == 2) {
			errno = EINTR;
			return -1;
		}
		n = n < 1000 ? n : 1000;
	}
	return syscall(SYS_write, fd, buf, n);
}

int statfs(const char *file, struct statfs *buf)
{
	const int result = (int)syscall(SYS_statfs, file, buf);

	if (result == 0 && atomic_load(&fault_remote_))
		buf->f_type = 0x6969; /* NFS */
	return result;
}

#endif
