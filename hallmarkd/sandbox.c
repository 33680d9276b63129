#include "hallmarkd/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* since ABI 3; Debian 12's header has ABI 2 */
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

static void incomplete(const char *what, int error)
{
	log_line(LOG_WARN, "sandbox_incomplete", LOG_TEXT("what", what),
		 LOG_TEXT("why", strerror(error)));
}

static struct problem refused(struct arena *a, const char *what, int error)
{
	return problem(a, PROBLEM_INTERNAL, "the kernel refuses %s: %s", what, strerror(error));
}

static struct problem close_to_debuggers(struct arena *a)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return refused(a, "PR_SET_DUMPABLE", errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return refused(a, "PR_SET_NO_NEW_PRIVS", errno);
	return NO_PROBLEM;
}

static struct problem forbid_cores(struct arena *a)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return refused(a, "RLIMIT_CORE", errno);
	return NO_PROBLEM;
}

/* ---- the signer ---- */

/* What is left to the signer: to read and write its sockets and wait for them, to
 * manage memory, to tell the time, and to end. */
static const int allowed[] = {
	SCMP_SYS(read),          SCMP_SYS(write),          SCMP_SYS(close),
	SCMP_SYS(poll),          SCMP_SYS(ppoll),          SCMP_SYS(restart_syscall),
	SCMP_SYS(brk),           SCMP_SYS(munmap),         SCMP_SYS(mremap),
	SCMP_SYS(madvise),       SCMP_SYS(munlock),        SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),   SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask), SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#ifdef SANITIZED
	SCMP_SYS(sigaltstack), /* a sanitizer takes its stack down at the end */
#endif
};

/* Memory that is never executable; sends that name no address. */
static const struct {
	int call;
	unsigned argument;
	uint64_t mask;
} restricted[] = {
	{SCMP_SYS(mmap), 2, PROT_EXEC},
	{SCMP_SYS(mprotect), 2, PROT_EXEC},
	{SCMP_SYS(sendto), 4, UINT64_MAX},
};

/* A sanitizer's last words need calls that are not allowed: it hears "no" and goes on. */
#ifdef SANITIZED
#define FORBIDDEN SCMP_ACT_ERRNO(EPERM)
#else
#define FORBIDDEN SCMP_ACT_KILL_PROCESS
#endif

static int add_rules(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; !error && i < sizeof(allowed) / sizeof(*allowed); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; !error && i < sizeof(restricted) / sizeof(*restricted); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, restricted[i].call, 1,
					 SCMP_CMP(restricted[i].argument, SCMP_CMP_MASKED_EQ,
						  restricted[i].mask, 0));
	return error;
}

struct problem sandbox_signer(struct arena *a)
{
	tzset(); /* the log's clock reads the time zone's file once, while it may */
	TRY(close_to_debuggers(a));
	TRY(forbid_cores(a));
	scmp_filter_ctx filter = seccomp_init(FORBIDDEN);
	if (!filter)
		return refused(a, "a seccomp filter", ENOMEM);
	int error = add_rules(filter);
	if (error) {
		seccomp_release(filter);
		return refused(a, "a seccomp rule", -error);
	}
	error = seccomp_load(filter);
	seccomp_release(filter);
	if (error)
		incomplete("seccomp", -error);
	return NO_PROBLEM;
}

/* ---- the service ---- */

/* On a file only the first three mean something. */
enum { ON_FILES = 3 };
static const uint64_t rights[] = {
	LANDLOCK_ACCESS_FS_READ_FILE,   LANDLOCK_ACCESS_FS_WRITE_FILE, LANDLOCK_ACCESS_FS_TRUNCATE,
	LANDLOCK_ACCESS_FS_REMOVE_FILE, LANDLOCK_ACCESS_FS_REMOVE_DIR, LANDLOCK_ACCESS_FS_MAKE_REG,
	LANDLOCK_ACCESS_FS_MAKE_SYM,    LANDLOCK_ACCESS_FS_REFER,
};

static uint64_t first_rights(size_t n, long abi)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= rights[i];
	return abi < 3 ? all & ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE : all;
}

struct wall {
	int ruleset;
	long abi;
};

static long add_path(const struct wall *w, int fd, size_t nrights)
{
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = first_rights(nrights, w->abi), .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, w->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* What cannot be opened (gone meanwhile, no permission) is of no use to the service
 * either. EINVAL: it is no folder, so the rights of folders do not fit it. */
static bool allow(const struct wall *w, int folder, const char *name)
{
	int fd = openat(folder, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return true;
	bool good = add_path(w, fd, sizeof(rights) / sizeof(*rights)) == 0 ||
		    (errno == EINVAL && add_path(w, fd, ON_FILES) == 0);
	int saved = errno;
	close(fd);
	errno = saved;
	return good;
}

static bool allow_all_but(const struct wall *w, const char *folder, const char *but)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	bool good = d != NULL;

	while (good && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, but) != 0)
			good = allow(w, dirfd(d), e->d_name);
	int saved = errno;
	if (d)
		closedir(d);
	errno = saved;
	return good;
}

/* From the root down to the denied folder: at each step what lies beside the way is
 * allowed. path is absolute and without links. */
static bool allow_beside(struct arena *a, const struct wall *w, const char *path)
{
	for (const char *slash = path, *end; *slash; slash = end) {
		end = strchrnul(slash + 1, '/');
		const char *folder = arena_dup(a, path, slash == path ? 1 : (size_t)(slash - path));
		const char *name = arena_dup(a, slash + 1, (size_t)(end - slash - 1));

		if (!allow_all_but(w, folder, name))
			return false;
	}
	return true;
}

static bool build_wall(struct arena *a, struct wall *w, const char *path)
{
	const struct landlock_ruleset_attr handled = {
		.handled_access_fs = first_rights(sizeof(rights) / sizeof(*rights), w->abi)};

	w->ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (w->ruleset < 0)
		return false;
	bool good =
		allow_beside(a, w, path) && syscall(SYS_landlock_restrict_self, w->ruleset, 0) == 0;
	int saved = errno;
	close(w->ruleset);
	errno = saved;
	return good;
}

/* Below ABI 2 no file could be moved between folders any more, which storing needs;
 * and beside a folder that may not be listed nothing could be allowed. */
static struct problem deny(struct arena *a, const char *dir)
{
	char *path = realpath(dir, NULL);
	struct wall w = {.abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
					LANDLOCK_CREATE_RULESET_VERSION)};
	int no_landlock = w.abi < 0 ? errno : ENOSYS;

	if (!path)
		return NO_PROBLEM;
	arena_defer(a, free, path);
	if (w.abi < 2) {
		incomplete("landlock", no_landlock);
		return NO_PROBLEM;
	}
	if (build_wall(a, &w, path))
		return NO_PROBLEM;
	if (errno != EACCES)
		return refused(a, "a Landlock ruleset", errno);
	incomplete("landlock", errno);
	return NO_PROBLEM;
}

struct problem sandbox_service(struct arena *a, const char *denied_dir)
{
	TRY(close_to_debuggers(a));
	TRY(forbid_cores(a));
	return deny(a, denied_dir);
}

struct problem sandbox_supervisor(struct arena *a)
{
	return close_to_debuggers(a);
}
