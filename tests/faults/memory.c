/* memory.c - memory that runs out where a test wants it to.
 *
 * Preloaded (LD_PRELOAD) it stands before malloc() and its kin and before mmap() of memory
 * without a file, and lets single ones fail. What fails is said by a control file that the
 * test and every process share:
 *
 *	MEMORY_FAULTS=FILE     where it lies, as long as struct control; anybody may write
 *
 * A process has a role, its first two words ("hallmarkd service"), and looks only at a
 * control that names its role, or its pid. Three things can be asked for:
 *
 *	one after countdown    the n-th allocation from now on
 *	one at a new site      the first one at a place that has not failed yet; a place is
 *	                       the code that asks and `depth` calls above it
 *	all, from one of these or from a size on, until disarmed
 *
 * Whose allocation has failed, and from where, stands in the control afterwards.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

enum { ROLE = 32, FRAMES = 32, FILE_NAME = 40, SITES = 1 << 16 };

/* tests/integration/support/memory.py writes and reads the same. */
struct control {
	_Atomic uint32_t armed;
	uint32_t all;            /* once one has failed, the others do as well */
	char role[ROLE];         /* "": any */
	uint32_t pid, tid;       /* 0: any */
	uint32_t depth;          /* calls that make a site; 0: countdown */
	uint32_t stride, offset; /* of the sites, those whose hash leaves this rest */
	uint32_t nframes;
	uint64_t smallest; /* bytes; what is smaller never fails */
	_Atomic uint64_t countdown, seen, failed;
	uint64_t size; /* of the last one that failed */
	struct frame {
		char file[FILE_NAME];
		uint64_t offset; /* in the file */
	} frames[FRAMES];
	_Atomic uint64_t sites[SITES];
};

static struct control *control;
static char role[ROLE];
static uint32_t pid; /* the signer may not ask for it */

/* Of the program's own start, so that looking at it takes no memory. */
static _Thread_local __attribute__((tls_model("initial-exec"))) bool inside;

/* glibc's own, behind ours.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* ---- sites ------------------------------------------------------------------------ */

struct walk {
	int skip, n, depth;
	uint64_t hash;
	struct frame *frames; /* NULL: only the hash is wanted */
};

static const char *last_word(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where a program or library lies differs from run to run; the place in it does not. */
static uint64_t place_of(uintptr_t at, const char **file)
{
	struct dl_find_object found;

	*file = "";
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it came as a number */
	if (_dl_find_object((void *)at, &found) != 0)
		return at;
	*file = last_word(found.dlfo_link_map->l_name);
	return at - (uintptr_t)found.dlfo_map_start;
}

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *arg)
{
	struct walk *w = arg;
	const char *file;
	const uint64_t place = place_of(_Unwind_GetIP(context), &file);

	if (w->skip-- > 0)
		return _URC_NO_REASON;
	if (w->n == w->depth)
		return _URC_END_OF_STACK;
	if (w->frames) {
		w->frames[w->n].offset = place;
		strncpy(w->frames[w->n].file, file, FILE_NAME - 1);
	}
	for (uint64_t v = place; v; v >>= 8)
		w->hash = (w->hash ^ (v & 0xff)) * 1099511628211U;
	w->n++;
	return _URC_NO_REASON;
}

/* The calls of this library on the stack: its own, and the one that it stands for. */
enum { OWN_CALLS = 3 };

static __attribute__((noinline)) uint64_t site(int depth, struct frame *frames, uint32_t *nframes)
{
	struct walk w = {.skip = OWN_CALLS, .depth = depth, .hash = 14695981039346656037U};

	w.frames = frames;
	_Unwind_Backtrace(step, &w);
	if (nframes)
		*nframes = (uint32_t)w.n;
	w.hash ^= w.hash >> 32; /* every bit counts in the rest of a division */
	w.hash *= 0x9e3779b97f4a7c15U;
	w.hash ^= w.hash >> 29;
	return w.hash ? w.hash : 1;
}

/* False when it has been there before. */
static bool add_site(struct control *c, uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&c->sites[i % SITES], &there, hash))
			return true;
		if (there == hash)
			return false;
	}
}

/* ---- what fails ------------------------------------------------------------------- */

static bool is_meant(const struct control *c, size_t size)
{
	if (size < c->smallest || (c->pid && c->pid != pid))
		return false;
	if (*c->role && strcmp(c->role, role) != 0)
		return false;
	return !c->tid || c->tid == (uint32_t)syscall(SYS_gettid);
}

static __attribute__((noinline)) bool is_due(struct control *c)
{
	if (!c->depth)
		return atomic_fetch_sub(&c->countdown, 1) == 1;
	const uint64_t hash = site((int)c->depth, NULL, NULL);
	return hash % c->stride == c->offset && add_site(c, hash);
}

static void note(struct control *c, size_t size)
{
	if (atomic_fetch_add(&c->failed, 1) > 0)
		return;
	c->size = size;
	site(FRAMES, c->frames, &c->nframes);
}

/* noinline: OWN_CALLS counts it. */
static __attribute__((noinline)) bool fails(size_t size)
{
	struct control *c = control;
	bool failing;

	if (!c || !atomic_load_explicit(&c->armed, memory_order_relaxed) || inside ||
	    !is_meant(c, size))
		return false;
	inside = true;
	atomic_fetch_add(&c->seen, 1);
	failing = (c->all && atomic_load(&c->failed)) || is_due(c);
	if (failing) {
		if (!c->all)
			atomic_store(&c->armed, 0);
		note(c, size);
		errno = ENOMEM;
	}
	inside = false;
	return failing;
}

/* ---- before the program ----------------------------------------------------------- */

static void put_role(int argc, char **argv)
{
	strncat(role, last_word(argv[0]), ROLE - 1);
	if (argc > 1) {
		strncat(role, " ", ROLE - 1 - strlen(role));
		strncat(role, argv[1], ROLE - 1 - strlen(role));
	}
}

static void *map_file(size_t size, int fd)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): of a system call */
	return (void *)syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	const char *file = getenv("MEMORY_FAULTS");
	int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0 || argc < 1)
		return;
	put_role(argc, argv);
	pid = (uint32_t)getpid();
	site(FRAMES, NULL, NULL); /* what unwinding allocates, it does the first time */
	void *found = map_file(sizeof(struct control), fd);
	close(fd);
	if (found != MAP_FAILED)
		control = found;
}

/* ---- what it stands before -------------------------------------------------------- */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are reserved */
void *malloc(size_t size)
{
	return fails(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(n * size) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails(size) ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return fails(total) ? NULL : __libc_realloc(p, total);
}

void *memalign(size_t alignment, size_t size)
{
	return fails(size) ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(size) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
	const int saved = errno;
	void *got = fails(size) ? NULL : __libc_memalign(alignment, size);

	errno = saved;
	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if ((flags & MAP_ANONYMOUS) && fails(size))
		return MAP_FAILED;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): of a system call */
	return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
