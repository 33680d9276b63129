#include "hallmarkd/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"

#define LOCK_FILE "hallmarkd.lock"

static bool is_noise(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0;
}

/* Empty, or with our lock in it; not plain "lock", which /var has. */
static bool is_ours(const char *path)
{
	DIR *d = opendir(path);
	bool empty = true, lock = false;

	if (!d)
		return false;
	for (const struct dirent *e; (e = readdir(d));) {
		empty = empty && is_noise(e->d_name);
		lock = lock || strcmp(e->d_name, LOCK_FILE) == 0;
	}
	closedir(d);
	return empty || lock;
}

/* With the folders above it, for everybody to pass through. */
static struct problem make_path(struct arena *a, const char *path)
{
	char *p = arena_printf(a, "%s", path);

	for (char *slash = strchr(p + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		TRY(durable_folder(a, p, 0755));
		*slash = '/';
	}
	return durable_folder(a, p, 0700);
}

static struct problem wrong_owner(struct arena *a, const char *path, uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);
	const char *name = pw ? pw->pw_name : arena_printf(a, "number %u", (unsigned)uid);

	return problem(a, PROBLEM_INVALID,
		       "the state folder %s belongs to user %s; start hallmarkd as that user, or "
		       "name another folder with --state",
		       path, name);
}

static struct problem make_folder(struct arena *a, const char *path, struct stat *st)
{
	struct problem p = make_path(a, path);

	if (p.code != PROBLEM_NONE)
		return problem(a, PROBLEM_INVALID,
			       "the state folder %s cannot be made: %s; name another with --state",
			       path, p.detail);
	if (stat(path, st) != 0 || !S_ISDIR(st->st_mode))
		return problem(a, PROBLEM_INVALID, "the state folder %s is not a folder", path);
	return NO_PROBLEM;
}

/* The lock file comes first: a folder that has it is ours, however far we got. */
static struct problem take_over(struct arena *a, const char *path, const struct identity *who)
{
	const char *lock = arena_printf(a, "%s/" LOCK_FILE, path);
	int fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return problem(a, PROBLEM_INVALID, "%s cannot be made: %s", lock, strerror(errno));
	bool good = geteuid() != 0 ||
		    (fchown(fd, who->uid, who->gid) == 0 && chown(path, who->uid, who->gid) == 0);
	struct problem p = good ? NO_PROBLEM
				: problem(a, PROBLEM_INTERNAL, "cannot give %s to %s: %s", path,
					  who->name, strerror(errno));
	close(fd);
	return p.code == PROBLEM_NONE ? durable_folder_of(a, lock) : p;
}

struct problem state_make(struct arena *a, const char *path, const struct identity *who)
{
	struct stat st = {0};

	TRY(make_folder(a, path, &st));
	bool allowed = geteuid() == 0 ? st.st_uid == who->uid || st.st_uid == 0
				      : access(path, R_OK | W_OK | X_OK) == 0;
	if (!allowed)
		return wrong_owner(a, path, st.st_uid);
	if (!is_ours(path))
		return problem(a, PROBLEM_INVALID,
			       "the folder %s holds other things; name an empty one with --state",
			       path);
	return take_over(a, path, who);
}

static pid_t pid_in(int fd)
{
	char text[24] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

struct problem state_lock(struct arena *a, const char *path)
{
	int fd = open(arena_printf(a, "%s/" LOCK_FILE, path), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return problem(a, PROBLEM_INVALID, "%s/" LOCK_FILE " cannot be opened: %s", path,
			       strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int pid = pid_in(fd);

		close(fd);
		return problem(
			a, PROBLEM_CONFLICT,
			"another hallmarkd, process %d, has the state folder %s; stop it, or "
			"name another folder with --state",
			pid, path);
	}
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return problem(a, PROBLEM_NO_SPACE, "%s/" LOCK_FILE " cannot be written: %s", path,
			       strerror(errno));
	return NO_PROBLEM; /* the descriptor stays open: it is the lock */
}

pid_t state_holder(struct arena *a, const char *path)
{
	int fd = open(arena_printf(a, "%s/" LOCK_FILE, path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	pid_t pid = held ? pid_in(fd) : 0;
	close(fd);
	return pid;
}
