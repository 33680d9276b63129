/* disk.c - a disk that is watched and fails when it is told to: preloaded into hallmarkd.
 *
 * It stands before the C library's calls on files below one folder and on the sockets of clients
 * and of the database. Every such call is a line of the log, with two numbers drawn from one
 * counter that all threads and processes share, before the call and after it: what ended before
 * another began has the smaller number, whichever threads they were on. From the log a test reads
 * in which order bytes became safe, and what a disk without power would have kept
 * (tests/integration/support/power.py).
 *
 * In the environment:
 *	DISK_FOLDER   holds `control` (struct control, mapped by the test too), `log`, and
 *	              `graves/`, where what is unlinked keeps a name, for an unlink can be undone
 *	DISK_ROOT     the folder whose files are watched
 *	DISK_EXCEPT   paths that begin so are not
 *
 * It is passive in other programs (PostgreSQL, initdb) and in the signer, which has given up
 * every call that a log takes.
 *
 * A line: begin, end, role, thread, call, fd, offset, length, result, errno, struck, path, other
 * path, bytes in hexadecimal; separated by tabs.
 */
#undef _FORTIFY_SOURCE /* its inline functions bear the names that are defined here */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* The kinds of calls, told apart by what they are for. The test reads their names. */
enum kind {
	CREATE, /* open for writing */
	OPEN,   /* open for reading */
	OPENDIR,
	WRITE,
	PUSH, /* sync_file_range */
	FSYNC,
	FSYNCDIR,
	CLOSE, /* of what was open for writing */
	RENAME,
	LINK,
	UNLINK,
	RMDIR,
	MKDIR,
	RESIZE, /* ftruncate, fallocate, copy_file_range */
	READ,
	SENDFILE,
	ASK,    /* to the database */
	ANSWER, /* from it */
	REPLY,  /* to a client */
	KINDS
};
EXPORTED extern const char disk_kinds[];
const char disk_kinds[] = "create open opendir write push fsync fsyncdir close rename link unlink "
			  "rmdir mkdir resize read sendfile ask answer reply";

/* What a fault does instead of the call; an errno when it is positive. */
enum effect { SHORT = -1, KILL = -2, SWALLOW = -3, END = -4 };

enum { FAULTS = 8, ROLE = 16, PART = 84 };

enum { MESSAGE = 4096 }; /* bytes of one that are kept */

/* The calls number nth to nth + times - 1 that fit, counted from the arming. */
struct fault {
	_Atomic uint32_t armed;
	int32_t kind, effect, nth, times;
	_Atomic int32_t seen, struck;
	char role[ROLE]; /* "" and below: any */
	char part[PART]; /* what the path must have in it */
};

struct control {
	_Atomic uint64_t sequence;
	char spare[120];
	struct fault faults[FAULTS];
};
_Static_assert(sizeof(struct control) == 128 + FAULTS * 128, "as support/disk.py packs it");

/* ---- what is known of descriptors --------------------------------------------------- */

enum what { NOTHING, FILE_READ, FILE_WRITE, FOLDER, DATABASE, CLIENT };

enum { HANDLES = 65536 };
static struct handle {
	enum what what;
	char *path;
} handles[HANDLES];

static struct control *control;
static int log_fd = -1;
static char folder[PATH_MAX], root[PATH_MAX], except[PATH_MAX], role[ROLE];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char names[KINDS][ROLE];

static struct handle *handle_of(int fd)
{
	static struct handle none;

	return control && fd >= 0 && fd < HANDLES ? &handles[fd] : &none;
}

static void handle_set(int fd, enum what what, const char *path)
{
	if (fd < 0 || fd >= HANDLES)
		return;
	free(handles[fd].path);
	handles[fd] = (struct handle){what, path ? strdup(path) : NULL};
}

/* ---- paths -------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with)
{
	const size_t len = strlen(with);

	return len && strncmp(path, with, len) == 0;
}

static bool below_root(const char *path)
{
	const size_t len = strlen(root);

	return begins(path, root) && (path[len] == '/' || !path[len]) && !begins(path, except);
}

/* The whole path, without double and last slashes; false: not watched. */
static bool watched(int dir, const char *path, char out[PATH_MAX])
{
	const struct handle *d = handle_of(dir);
	char raw[2 * PATH_MAX], *to = out;

	if (!control || !path || (*path != '/' && (dir == AT_FDCWD || d->what != FOLDER)))
		return false;
	snprintf(raw, sizeof(raw), "%s%s%s", *path == '/' ? "" : d->path, *path == '/' ? "" : "/",
		 path);
	for (const char *from = raw; *from && to < out + PATH_MAX - 1; from++)
		if (*from != '/' || (from[1] != '/' && from[1]))
			*to++ = *from;
	*to = '\0';
	return below_root(out);
}

/* ---- events ------------------------------------------------------------------------- */

struct event {
	enum kind kind;
	uint64_t begin, end;
	int fd;
	int64_t offset, length, result;
	int error, effect;
	const char *path, *other;
	const unsigned char *bytes; /* of a message */
	size_t nbytes;
	bool silent; /* swallowed: the disk never heard of it */
};

static uint64_t number(void)
{
	return atomic_fetch_add(&control->sequence, 1) + 1;
}

static bool fits(const struct fault *f, const struct event *e)
{
	return atomic_load(&f->armed) && f->kind == (int)e->kind &&
	       (!*f->role || strcmp(f->role, role) == 0) &&
	       (!*f->part || (e->path && strstr(e->path, f->part)) ||
		(e->other && strstr(e->other, f->part)));
}

/* The effect of the first fault that strikes here, 0 for none. */
static int strike(const struct event *e)
{
	for (int i = 0; i < FAULTS; i++) {
		struct fault *f = &control->faults[i];

		if (!fits(f, e))
			continue;
		const int n = atomic_fetch_add(&f->seen, 1) + 1;
		if (n < f->nth || n - f->nth >= f->times)
			continue;
		atomic_fetch_add(&f->struck, 1);
		return f->effect;
	}
	return 0;
}

static struct event begin(enum kind kind, const char *path)
{
	struct event e = {.kind = kind, .path = path, .begin = number(), .fd = -1};

	return e;
}

/* True when the call is not to be made: e has its result. */
static bool prevented(struct event *e)
{
	e->effect = strike(e);
	if (e->effect == KILL)
		kill(getpid(), SIGKILL);
	e->silent = e->effect == SWALLOW;
	if (e->effect > 0) {
		e->result = -1;
		e->error = e->effect;
	}
	return e->effect > 0 || e->effect == SWALLOW || e->effect == END;
}

static size_t print_hex(char *to, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		to[2 * i] = digits[bytes[i] >> 4];
		to[2 * i + 1] = digits[bytes[i] & 15];
	}
	return 2 * n;
}

/* One write to a file that is open for appending is one line, also among processes. */
static void print_event(const struct event *e)
{
	static char line[2 * PATH_MAX + 2 * MESSAGE + 512];
	const size_t n = e->nbytes < MESSAGE ? e->nbytes : MESSAGE;

	int len = snprintf(line, sizeof(line),
			   "%llu\t%llu\t%s\t%d\t%s\t%d\t%lld\t%lld\t%lld\t%d\t%d\t%s\t%s\t",
			   (unsigned long long)e->begin, (unsigned long long)e->end, role,
			   (int)syscall(SYS_gettid), names[e->kind], e->fd, (long long)e->offset,
			   (long long)e->length, (long long)e->result, e->error, e->effect,
			   e->path ? e->path : "", e->other ? e->other : "");
	size_t at = (size_t)len + print_hex(line + len, e->bytes, n);
	line[at++] = '\n';
	syscall(SYS_write, log_fd, line, at);
}

/* The result for the caller, errno with it. */
static int64_t finish(struct event *e)
{
	e->end = number();
	if (!e->silent) {
		pthread_mutex_lock(&log_lock);
		print_event(e);
		pthread_mutex_unlock(&log_lock);
	}
	errno = e->error;
	return e->result;
}

static void came(struct event *e, int64_t result)
{
	e->result = result;
	e->error = result < 0 ? errno : 0;
}

/* About half, in whole sectors when it is large, so that a direct write takes it. */
static size_t shortened(const struct event *e, size_t n)
{
	enum { SECTOR = 512 };

	if (e->effect != SHORT)
		return n;
	return n >= (size_t)2 * SECTOR ? n / 2 / SECTOR * SECTOR : (n + 1) / 2;
}

/* ---- the beginning ------------------------------------------------------------------ */

/* Where no dup2 to the first numbers hits it; a child loses it with close_range. */
static int out_of_the_way(int fd)
{
	const int high = fcntl(fd, F_DUPFD_CLOEXEC, 900);

	if (high < 0)
		return fd;
	syscall(SYS_close, fd);
	return high;
}

static int open_in_folder(const char *name, int flags)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

static bool copy_setting(const char *name, char out[PATH_MAX])
{
	const char *value = getenv(name);

	snprintf(out, PATH_MAX, "%s", value ? value : "");
	return *out;
}

/* The first word after hallmarkd's name; false in any other program. */
static bool find_role(void)
{
	char exe[PATH_MAX] = "", words[256] = "";
	const int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0);

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0 || fd < 0)
		return false;
	syscall(SYS_read, fd, words, sizeof(words) - 2);
	syscall(SYS_close, fd);
	snprintf(role, sizeof(role), "%s", words + strlen(words) + 1);
	const char *slash = strrchr(exe, '/');
	return slash && strcmp(slash + 1, "hallmarkd") == 0 && strcmp(role, "signer") != 0;
}

static void name_kinds(void)
{
	const char *from = disk_kinds;

	for (int i = 0; i < KINDS; i++) {
		const size_t len = strcspn(from, " ");

		snprintf(names[i], sizeof(names[i]), "%.*s", (int)len, from);
		from += len + 1;
	}
}

__attribute__((constructor)) static void begin_watching(void)
{
	if (!copy_setting("DISK_FOLDER", folder) || !copy_setting("DISK_ROOT", root) ||
	    !find_role())
		return;
	copy_setting("DISK_EXCEPT", except);
	name_kinds();
	int fd = open_in_folder("control", O_RDWR);
	void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	log_fd = out_of_the_way(open_in_folder("log", O_WRONLY | O_APPEND));
	syscall(SYS_close, fd);
	if (map == MAP_FAILED || log_fd < 0)
		abort();
	control = map;
}

/* The C library's headers name the parameters with reserved words.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* ---- opening and closing ------------------------------------------------------------ */

enum { NAMELESS = O_TMPFILE & ~O_DIRECTORY };

static enum kind kind_of_open(int flags)
{
	if (flags & O_DIRECTORY)
		return OPENDIR;
	return (flags & O_ACCMODE) == O_RDONLY ? OPEN : CREATE;
}

static enum what what_of_kind(enum kind kind)
{
	return kind == OPENDIR ? FOLDER : kind == OPEN ? FILE_READ : FILE_WRITE;
}

/* length says of a creation whether the file is new, for O_CREAT alone does not. */
static int watched_open(const char *path, int flags, mode_t mode)
{
	struct event e = begin(kind_of_open(flags), path);

	e.length = (flags & O_CREAT) && access(path, F_OK) != 0;
	if (!prevented(&e)) {
		came(&e, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
		e.fd = (int)e.result;
		handle_set(e.fd, what_of_kind(e.kind), path);
	}
	return (int)finish(&e);
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	char whole[PATH_MAX];

	if ((flags & (O_PATH | NAMELESS)) || !watched(dir, path, whole))
		return (int)syscall(SYS_openat, dir, path, flags, mode);
	return watched_open(whole, flags, mode);
}

#define MODE_OF(flags, mode)                                                                       \
	do {                                                                                       \
		va_list list;                                                                      \
		va_start(list, flags);                                                             \
		if ((flags) & (O_CREAT | NAMELESS))                                                \
			(mode) = va_arg(list, mode_t);                                             \
		va_end(list);                                                                      \
	} while (0)

EXPORTED int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}

EXPORTED int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return open_at(dir, path, flags, mode);
}

/* What a hardened program calls when its flags are no constant. */
EXPORTED int open_checked(const char *path, int flags) __asm__("__open_2");
EXPORTED int openat_checked(int dir, const char *path, int flags) __asm__("__openat_2");

int open_checked(const char *path, int flags)
{
	return open_at(AT_FDCWD, path, flags, 0);
}

int openat_checked(int dir, const char *path, int flags)
{
	return open_at(dir, path, flags, 0);
}

EXPORTED int mkostemp(char *name, int flags)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	char *const end = name + strlen(name) - 6;
	uint64_t random = 0;

	if (getentropy(&random, sizeof(random)) != 0)
		return -1;
	for (int i = 0; i < 6; i++, random >>= 5)
		end[i] = letters[random & 31];
	return open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
}

/* As on Linux the descriptor is gone even when the close fails. */
EXPORTED int close(int fd)
{
	struct handle *h = handle_of(fd);
	struct handle was = *h;

	if (was.what == NOTHING)
		return (int)syscall(SYS_close, fd);
	*h = (struct handle){NOTHING, NULL};
	struct event e = begin(CLOSE, was.path);
	e.fd = fd;
	e.silent = was.what != FILE_WRITE;
	const bool prevent = !e.silent && prevented(&e);
	const int result = (int)syscall(SYS_close, fd);
	if (!prevent)
		came(&e, result);
	finish(&e);
	free(was.path);
	return (int)e.result;
}

/* ---- writing and reading ------------------------------------------------------------ */

static int64_t position(int fd)
{
	return syscall(SYS_lseek, fd, (off_t)0, SEEK_CUR);
}

EXPORTED ssize_t write(int fd, const void *data, size_t n)
{
	const struct handle *h = handle_of(fd);

	if (h->what != FILE_WRITE)
		return syscall(SYS_write, fd, data, n);
	struct event e = begin(WRITE, h->path);
	e.fd = fd;
	e.length = (int64_t)n;
	e.offset = position(fd);
	if (!prevented(&e))
		came(&e, syscall(SYS_write, fd, data, shortened(&e, n)));
	return finish(&e);
}

EXPORTED ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
	const struct handle *h = handle_of(fd);

	if (h->what != FILE_WRITE)
		return syscall(SYS_pwrite64, fd, data, n, offset);
	struct event e = begin(WRITE, h->path);
	e.fd = fd;
	e.length = (int64_t)n;
	e.offset = offset;
	if (!prevented(&e))
		came(&e, syscall(SYS_pwrite64, fd, data, shortened(&e, n), offset));
	return finish(&e);
}

EXPORTED ssize_t read(int fd, void *data, size_t n)
{
	const struct handle *h = handle_of(fd);

	if (h->what != FILE_READ)
		return syscall(SYS_read, fd, data, n);
	struct event e = begin(READ, h->path);
	e.fd = fd;
	e.length = (int64_t)n;
	e.offset = position(fd);
	if (!prevented(&e))
		came(&e, syscall(SYS_read, fd, data, shortened(&e, n)));
	return finish(&e);
}

EXPORTED ssize_t pread(int fd, void *data, size_t n, off_t offset)
{
	const struct handle *h = handle_of(fd);

	if (h->what != FILE_READ)
		return syscall(SYS_pread64, fd, data, n, offset);
	struct event e = begin(READ, h->path);
	e.fd = fd;
	e.length = (int64_t)n;
	e.offset = offset;
	if (!prevented(&e))
		came(&e, syscall(SYS_pread64, fd, data, shortened(&e, n), offset));
	return finish(&e);
}

EXPORTED ssize_t sendfile(int to, int from, off_t *offset, size_t n)
{
	const struct handle *h = handle_of(from);

	if (h->what != FILE_READ)
		return syscall(SYS_sendfile, to, from, offset, n);
	struct event e = begin(SENDFILE, h->path);
	e.fd = to;
	e.length = (int64_t)n;
	e.offset = offset ? *offset : position(from);
	if (!prevented(&e))
		came(&e, syscall(SYS_sendfile, to, from, offset, shortened(&e, n)));
	return finish(&e);
}

EXPORTED ssize_t pread64(int fd, void *data, size_t n, off64_t offset)
	__attribute__((alias("pread")));
EXPORTED ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
	__attribute__((alias("pwrite")));
EXPORTED ssize_t sendfile64(int to, int from, off64_t *offset, size_t n)
	__attribute__((alias("sendfile")));

/* What changes a file's length otherwise: nothing may, for the record does not follow it. */
static int64_t resized(int fd, int64_t result)
{
	const struct handle *h = handle_of(fd);

	if (h->what == FILE_WRITE) {
		struct event e = begin(RESIZE, h->path);

		e.fd = fd;
		came(&e, result);
		finish(&e);
	}
	return result;
}

EXPORTED int ftruncate(int fd, off_t length)
{
	return (int)resized(fd, syscall(SYS_ftruncate, fd, length));
}

EXPORTED int fallocate(int fd, int mode, off_t offset, off_t length)
{
	return (int)resized(fd, syscall(SYS_fallocate, fd, mode, offset, length));
}

EXPORTED ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *where, size_t n,
				 unsigned flags)
{
	return resized(to, syscall(SYS_copy_file_range, from, at, to, where, n, flags));
}

EXPORTED ssize_t writev(int fd, const struct iovec *pieces, int n)
{
	return resized(fd, syscall(SYS_writev, fd, pieces, n));
}

/* ---- making it last ----------------------------------------------------------------- */

EXPORTED int sync_file_range(int fd, off64_t offset, off64_t n, unsigned flags)
{
	const struct handle *h = handle_of(fd);

	if (h->what != FILE_WRITE)
		return (int)syscall(SYS_sync_file_range, fd, offset, n, flags);
	struct event e = begin(PUSH, h->path);
	e.fd = fd;
	e.offset = offset;
	e.length = n;
	if (!prevented(&e))
		came(&e, syscall(SYS_sync_file_range, fd, offset, n, flags));
	return (int)finish(&e);
}

static int sync_by(long call, int fd)
{
	const struct handle *h = handle_of(fd);

	if (h->what == NOTHING || h->what >= DATABASE)
		return (int)syscall(call, fd);
	struct event e = begin(h->what == FOLDER ? FSYNCDIR : FSYNC, h->path);
	e.fd = fd;
	if (!prevented(&e))
		came(&e, syscall(call, fd));
	return (int)finish(&e);
}

EXPORTED int fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

EXPORTED int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}

/* ---- names -------------------------------------------------------------------------- */

EXPORTED int renameat(int from, const char *old, int to, const char *new)
{
	char whole[PATH_MAX], other[PATH_MAX];

	if (!watched(from, old, whole) || !watched(to, new, other))
		return (int)syscall(SYS_renameat, from, old, to, new);
	struct event e = begin(RENAME, whole);
	e.other = other;
	if (!prevented(&e))
		came(&e, syscall(SYS_renameat, AT_FDCWD, whole, AT_FDCWD, other));
	return (int)finish(&e);
}

EXPORTED int rename(const char *old, const char *new)
{
	return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

EXPORTED int linkat(int from, const char *old, int to, const char *new, int flags)
{
	char whole[PATH_MAX], other[PATH_MAX];

	if (!watched(from, old, whole) || !watched(to, new, other))
		return (int)syscall(SYS_linkat, from, old, to, new, flags);
	struct event e = begin(LINK, whole);
	e.other = other;
	if (!prevented(&e))
		came(&e, syscall(SYS_linkat, AT_FDCWD, whole, AT_FDCWD, other, flags));
	return (int)finish(&e);
}

EXPORTED int link(const char *old, const char *new)
{
	return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

/* As long as its folder is not fsynced what was removed may come back. */
static void bury(const struct event *e, char grave[PATH_MAX])
{
	snprintf(grave, PATH_MAX, "%.*s/graves/%llu", PATH_MAX - 40, folder,
		 (unsigned long long)e->begin);
	if (syscall(SYS_linkat, AT_FDCWD, e->path, AT_FDCWD, grave, 0) != 0)
		*grave = '\0';
}

EXPORTED int unlinkat(int dir, const char *path, int flags)
{
	char whole[PATH_MAX], grave[PATH_MAX] = "";

	if (!watched(dir, path, whole))
		return (int)syscall(SYS_unlinkat, dir, path, flags);
	struct event e = begin(flags & AT_REMOVEDIR ? RMDIR : UNLINK, whole);
	if (!prevented(&e)) {
		if (e.kind == UNLINK)
			bury(&e, grave);
		e.other = grave;
		came(&e, syscall(SYS_unlinkat, AT_FDCWD, whole, flags));
	}
	return (int)finish(&e);
}

EXPORTED int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORTED int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORTED int mkdirat(int dir, const char *path, mode_t mode)
{
	char whole[PATH_MAX];

	if (!watched(dir, path, whole))
		return (int)syscall(SYS_mkdirat, dir, path, mode);
	struct event e = begin(MKDIR, whole);
	if (!prevented(&e))
		came(&e, syscall(SYS_mkdirat, AT_FDCWD, whole, mode));
	return (int)finish(&e);
}

EXPORTED int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

/* ---- sockets ------------------------------------------------------------------------ */

/* The service connects to its database alone, as long as its store is a folder. */
EXPORTED int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t len)
{
	if (control)
		handle_set(fd, DATABASE, NULL);
	return (int)syscall(SYS_connect, fd, to.__sockaddr__, len);
}

EXPORTED int accept4(int listening, __SOCKADDR_ARG from, socklen_t *len, int flags)
{
	const int fd = (int)syscall(SYS_accept4, listening, from.__sockaddr__, len, flags);

	if (control)
		handle_set(fd, CLIENT, NULL);
	return fd;
}

EXPORTED int accept(int listening, __SOCKADDR_ARG from, socklen_t *len)
{
	return accept4(listening, from, len, 0);
}

static struct event message(int fd, enum kind kind, const void *bytes, size_t n)
{
	struct event e = begin(kind, NULL);

	e.fd = fd;
	e.length = (int64_t)n;
	e.bytes = bytes;
	e.nbytes = n;
	return e;
}

EXPORTED ssize_t send(int fd, const void *data, size_t n, int flags)
{
	const enum what what = handle_of(fd)->what;

	if (what < DATABASE)
		return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
	struct event e = message(fd, what == CLIENT ? REPLY : ASK, data, n);
	came(&e, syscall(SYS_sendto, fd, data, n, flags, NULL, 0));
	return finish(&e);
}

/* The first bytes of all pieces together: a reply's headers and its body. */
static size_t gathered(const struct msghdr *m, unsigned char to[MESSAGE])
{
	size_t len = 0;

	for (size_t i = 0; i < m->msg_iovlen && len < MESSAGE; i++) {
		const struct iovec *piece = &m->msg_iov[i];
		const size_t n = piece->iov_len < MESSAGE - len ? piece->iov_len : MESSAGE - len;

		memcpy(to + len, piece->iov_base, n);
		len += n;
	}
	return len;
}

EXPORTED ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	const enum what what = handle_of(fd)->what;
	unsigned char start[MESSAGE];

	if (what < DATABASE)
		return syscall(SYS_sendmsg, fd, m, flags);
	struct event e = message(fd, what == CLIENT ? REPLY : ASK, start, gathered(m, start));
	came(&e, syscall(SYS_sendmsg, fd, m, flags));
	return finish(&e);
}

/* Of an answer the end counts: whether the database is ready for the next statement. */
EXPORTED ssize_t recv(int fd, void *data, size_t n, int flags)
{
	enum { TAIL = 16 };
	struct event e;

	if (handle_of(fd)->what != DATABASE)
		return syscall(SYS_recvfrom, fd, data, n, flags, NULL, NULL);
	e = message(fd, ANSWER, data, 0);
	came(&e, syscall(SYS_recvfrom, fd, data, n, flags, NULL, NULL));
	e.silent = e.result < 0;
	if (e.result > 0) {
		e.nbytes = (size_t)(e.result < TAIL ? e.result : TAIL);
		e.bytes += (size_t)e.result - e.nbytes;
	}
	return finish(&e);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
