#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/timestamp.h"
#include "faults.h"
#include "own_folder.h"
#include "storage/store.h"
#include "tap.h"

#define MIB ((size_t)1024 * 1024)

static struct arena *arena;
static struct store *store;
static char root[OWN_FOLDER];
static unsigned char *bytes; /* 20 MiB of anything */

static const char *under(const char *tail)
{
	return arena_printf(arena, "%s/%s", root, tail);
}

static const char *path_of(const char *key)
{
	return arena_printf(arena, "%s/blobs/%.2s/%.2s/%s", root, key, key + 2, key);
}

static int files_below(const char *tail)
{
	return own_folder_files(under(tail));
}

static struct problem put(const void *data, size_t len, char key[STORAGE_KEY])
{
	unsigned char sha256[SHA256_BYTES];
	struct store_put *p;

	sha256_of(data, len, sha256);
	TRY(store->ops->put_begin(store, arena, (int64_t)len, &p));
	struct problem wrong = store->ops->put_write(p, arena, data, len);
	if (wrong.code != PROBLEM_NONE) {
		store->ops->put_abort(p);
		return wrong;
	}
	return store->ops->put_finish(p, arena, sha256, key);
}

static bool holds(const char *key, const void *data, size_t len)
{
	unsigned char *got = arena_bytes(arena, len + 1);
	int64_t size;
	int fd;

	if (store->ops->open(store, arena, key, &fd, &size).code != PROBLEM_NONE)
		return false;
	ssize_t n = read(fd, got, len + 1);
	close(fd);
	return size == (int64_t)len && n == (ssize_t)len && memcmp(got, data, len) == 0;
}

static enum problem_code remove_key(const char *key)
{
	return store->ops->remove(store, arena, key).code;
}

static void what_is_put_can_be_opened_until_it_is_removed(void)
{
	static const size_t sizes[] = {0, 1, 4097, 20 * MIB};
	struct stat st;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char key[STORAGE_KEY], again[STORAGE_KEY];
		int64_t size;
		int fd;

		is_int(put(bytes, sizes[i], key).code, PROBLEM_NONE, "put %zu bytes", sizes[i]);
		ok(holds(key, bytes, sizes[i]), "they come back");
		ok(stat(path_of(key), &st) == 0 && (st.st_mode & 07777) == 0440,
		   "nobody may write them");
		is_int(put(bytes, sizes[i], again).code, PROBLEM_NONE, "the same bytes again");
		ok(strcmp(key, again) != 0 && memcmp(key, again, 65) == 0,
		   "get a key of their own");
		is_int(remove_key(key), PROBLEM_NONE, "removed");
		is_int(store->ops->open(store, arena, key, &fd, &size).code, PROBLEM_NOT_FOUND,
		       "no longer there");
		ok(holds(again, bytes, sizes[i]), "the other one is");
		is_int(remove_key(key), PROBLEM_NONE, "removing twice is no problem");
		is_int(remove_key(again), PROBLEM_NONE, "removed too");
	}
	is_int(files_below(""), 0, "nothing is left over");
}

static void the_file_is_safe_before_its_name_and_the_name_before_the_answer(void)
{
	char key[STORAGE_KEY], want[1024];
	const char *line;

	memcpy(bytes, "a folder never used", 19);
	fault_trace_begin();
	put(bytes, 19, key);
	const char *trace = fault_trace_end();
	line = strchr(trace, '\n');
	ok(strncmp(trace, "fsync ", 6) == 0 && line - trace == 6 + 32, "first the upload's file");
	snprintf(want, sizeof(want), "\nfsync %.2s\nfsync blobs\nrename %s\nfsync %.2s\n", key, key,
		 key + 2);
	is_str(line, want, "then the new folders, the name, and the folder that holds it");
	remove_key(key);
	fault_trace_begin();
	put(bytes, 19, key);
	line = strchr(fault_trace_end(), '\n');
	snprintf(want, sizeof(want), "\nrename %s\nfsync %.2s\n", key, key + 2);
	is_str(line, want, "a folder once safe stays so");
	remove_key(key);
}

static void a_fault_leaves_nothing_and_says_what_it_means(void)
{
	static const struct {
		enum fault_call call;
		int nth, error;
		enum problem_code code;
	} cases[] = {
		{FAULT_WRITE, 1, ENOSPC, PROBLEM_NO_SPACE},
		{FAULT_WRITE, 1, EDQUOT, PROBLEM_NO_SPACE},
		{FAULT_WRITE, 1, EIO, PROBLEM_INTERNAL},
		{FAULT_WRITE, 1, EROFS, PROBLEM_UNAVAILABLE},
		{FAULT_FSYNC, 1, EIO, PROBLEM_INTERNAL},
		{FAULT_FSYNC, 1, ENOSPC, PROBLEM_NO_SPACE},
		{FAULT_FSYNC, 1, EDQUOT, PROBLEM_NO_SPACE},
		{FAULT_FSYNC, 2, EIO, PROBLEM_INTERNAL}, /* of the folder */
		{FAULT_RENAME, 1, EIO, PROBLEM_INTERNAL},
		{FAULT_RENAME, 1, ENOSPC, PROBLEM_NO_SPACE},
		{FAULT_CLOSE, 1, EDQUOT, PROBLEM_NO_SPACE},
		{FAULT_CLOSE, 1, EIO, PROBLEM_INTERNAL},
	};
	char key[STORAGE_KEY];

	put(bytes, 1000, key); /* its folder is safe from now on */
	remove_key(key);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fault_arm(cases[i].call, cases[i].nth, cases[i].error);
		struct problem p = put(bytes, 1000, key);
		is_int(fault_disarm(cases[i].call), 0, "fault %zu struck", i);
		is_str(problem_kinds[p.code].type, problem_kinds[cases[i].code].type, "%s",
		       strerror(cases[i].error));
		ok(p.detail && !strstr(p.detail, root), "the detail names no path: %s", p.detail);
		is_int(files_below(""), 0, "nothing is left");
	}
}

static void a_failed_fsync_is_never_tried_again(void)
{
	char key[STORAGE_KEY];

	fault_trace_begin();
	fault_arm(FAULT_FSYNC, 1, EIO);
	struct problem p = put(bytes, 1000, key);
	is_str(fault_trace_end(), "", "neither fsync nor rename after it");
	is_int(p.code, PROBLEM_INTERNAL, "and the upload failed");
}

static void short_and_interrupted_writes_are_continued(void)
{
	char key[STORAGE_KEY];

	fault_short_writes(true);
	struct problem p = put(bytes, 50000, key);
	fault_short_writes(false);
	is_int(p.code, PROBLEM_NONE, "50,000 bytes in pieces of 1,000");
	ok(holds(key, bytes, 50000), "all are there, in order");
	remove_key(key);
}

/* Announced as large, in pieces of these sizes again and again; len bytes in all. */
static struct problem put_pieces(const size_t *sizes, size_t len, char key[STORAGE_KEY])
{
	unsigned char sha256[SHA256_BYTES];
	struct problem wrong = NO_PROBLEM;
	struct store_put *p;

	sha256_of(bytes, len, sha256);
	TRY(store->ops->put_begin(store, arena, (int64_t)len, &p));
	for (size_t at = 0, i = 0; at < len && wrong.code == PROBLEM_NONE; i++) {
		size_t n = sizes[i % 4] < len - at ? sizes[i % 4] : len - at;

		wrong = store->ops->put_write(p, arena, bytes + at, n);
		at += n;
	}
	if (wrong.code == PROBLEM_NONE)
		return store->ops->put_finish(p, arena, sha256, key);
	store->ops->put_abort(p);
	return wrong;
}

static void a_large_file_may_come_in_any_pieces(void)
{
	static const struct {
		size_t pieces[4], len;
		int error; /* of the first write */
		const char *what;
	} cases[] = {
		{{MIB, MIB, MIB, MIB}, 20 * MIB, 0, "whole pages"},
		{{MIB, MIB, MIB, MIB}, 20 * MIB - 5, 0, "an odd piece at the end"},
		{{MIB, MIB, 1000, MIB}, 20 * MIB, 0, "an odd piece in the middle"},
		{{3, 4096, MIB, MIB}, 20 * MIB, 0, "odd pieces from the start"},
		{{MIB, MIB, MIB, MIB}, 20 * MIB, EINVAL, "a medium with larger blocks"},
		{{MIB, MIB, MIB, MIB}, 20 * MIB, EINTR, "an interruption"},
	};
	char key[STORAGE_KEY];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].error)
			fault_arm(FAULT_WRITE, 1, cases[i].error);
		struct problem p = put_pieces(cases[i].pieces, cases[i].len, key);
		is_int(fault_disarm(FAULT_WRITE), 0, "the fault struck, if there was one");
		is_int(p.code, PROBLEM_NONE, "%s", cases[i].what);
		ok(holds(key, bytes, cases[i].len), "all bytes are there, in order");
		remove_key(key);
	}
}

/* How many pages of a file are in memory. */
static size_t pages_cached(const char *path, size_t len)
{
	static unsigned char in_memory[20 * MIB / 4096];
	size_t pages = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	if (mincore(map, len, in_memory) == 0)
		for (size_t i = 0; i < len / 4096; i++)
			pages += in_memory[i] & 1;
	munmap(map, len);
	close(fd);
	return pages;
}

/* What this medium does by itself with a write past the page cache: on tmpfs there is no past. */
static bool medium_is_direct(void)
{
	const char *path = under("direct");
	int fd = open(path, O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	bool direct =
		fd >= 0 && write(fd, bytes, MIB) == (ssize_t)MIB && pages_cached(path, MIB) == 0;

	if (fd >= 0)
		close(fd);
	unlink(path);
	return direct;
}

static void a_large_file_leaves_memory_to_others(void)
{
	static const size_t mib[4] = {MIB, MIB, MIB, MIB};
	char key[STORAGE_KEY];

	if (!medium_is_direct()) {
		ok(true, "# SKIP the medium keeps its files in memory");
		return;
	}
	is_int(put_pieces(mib, 20 * MIB, key).code, PROBLEM_NONE, "20 MiB stored");
	is_int(pages_cached(path_of(key), 20 * MIB), 0, "none of them stay in the page cache");
	remove_key(key);
	is_int(put_pieces(mib, MIB, key).code, PROBLEM_NONE, "1 MiB stored");
	is_int(pages_cached(path_of(key), MIB), MIB / 4096, "a small file is there to be read");
	remove_key(key);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX32 "0123456789abcdef0123456789abcdef"

static void a_key_of_another_shape_never_becomes_a_path(void)
{
	static const char *const keys[] = {
		"",
		".",
		"../../etc/passwd",
		HEX64,
		HEX64 ".",
		HEX64 "." HEX32 "0",
		HEX64 "/" HEX32,
		HEX64 ".0123456789abcdef0123456789ABCDEF",
		"../../89abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123." HEX32,
		HEX64 ".0123456789abcdef0123456789abc/..",
		HEX64 ".0123456789abcdef0123456789abcde\n",
	};
	struct store_entry entry;
	int64_t size;
	int fd, count;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		is_int(store->ops->open(store, arena, keys[i], &fd, &size).code, PROBLEM_INTERNAL,
		       "open of malformed key %zu", i);
		is_int(remove_key(keys[i]), PROBLEM_INTERNAL, "remove of it");
		if (*keys[i])
			is_int(store->ops->list(store, arena, keys[i], 1, &entry, &count).code,
			       PROBLEM_INTERNAL, "list after it");
	}
}

static void what_is_no_ordinary_file_is_not_opened(void)
{
	const char *key = HEX64 "." HEX32;
	int64_t size;
	int fd;

	mkdir(under("blobs/01"), 0750);
	mkdir(under("blobs/01/23"), 0750);
	ok(symlink("/etc/passwd", path_of(key)) == 0, "a symbolic link in a blob's place");
	is_int(store->ops->open(store, arena, key, &fd, &size).code, PROBLEM_INTERNAL,
	       "is not followed");
	unlink(path_of(key));
	ok(mkfifo(path_of(key), 0600) == 0, "a pipe in a blob's place");
	is_int(store->ops->open(store, arena, key, &fd, &size).code, PROBLEM_INTERNAL,
	       "does not hang");
	unlink(path_of(key));
}

static void a_folder_that_was_removed_is_made_again(void)
{
	char key[STORAGE_KEY];

	put(bytes, 77, key);
	remove_key(key);
	ok(rmdir(arena_printf(arena, "%s/blobs/%.2s/%.2s", root, key, key + 2)) == 0,
	   "someone tidies up");
	is_int(put(bytes, 77, key).code, PROBLEM_NONE, "the next upload does not mind");
	remove_key(key);
}

static int64_t sweep(void)
{
	int64_t removed = -1;
	struct problem p = store->ops->sweep(store, arena, &removed);

	return p.code == PROBLEM_NONE ? removed : -1;
}

/* Seven uploads, three of them with bytes, in a process that is then killed. */
static void leave_leftovers(void)
{
	int ready[2];
	char c;

	if (pipe(ready) != 0)
		return;
	pid_t child = fork();
	if (child == 0) {
		struct store_put *p;

		for (int i = 0; i < 7; i++)
			if (store->ops->put_begin(store, arena, -1, &p).code != PROBLEM_NONE ||
			    (i < 3 && store->ops->put_write(p, arena, bytes, 5000).code))
				_exit(1);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	(void)!read(ready[0], &c, 1);
	is_int(sweep(), 0, "uploads of a living process are left alone");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

static void a_sweep_takes_what_the_dead_have_left_and_nothing_else(void)
{
	unsigned char sha256[SHA256_BYTES];
	char key[STORAGE_KEY];
	struct store_put *mine;

	sha256_of("mine", 4, sha256);
	is_int(store->ops->put_begin(store, arena, 4, &mine).code, PROBLEM_NONE, "an upload");
	close(creat(under("incoming/.nfs0000000000a1b2c3"), 0600));
	leave_leftovers();
	is_int(files_below("incoming"), 9, "seven, mine, and one with another kind of name");
	is_int(sweep(), 7, "the dead process's seven");
	is_int(sweep(), 0, "once");
	is_int(store->ops->put_write(mine, arena, "mine", 4).code, PROBLEM_NONE, "mine goes on");
	is_int(store->ops->put_finish(mine, arena, sha256, key).code, PROBLEM_NONE, "and ends");
	ok(holds(key, "mine", 4), "with its bytes");
	remove_key(key);
	is_int(files_below("incoming"), 1, "a name that is not ours stays");
	unlink(under("incoming/.nfs0000000000a1b2c3"));
}

static atomic_bool sweeping;
static atomic_int sweep_failed;

static void *sweep_on(void *arg)
{
	struct arena *a = arena_new(1 << 20);
	int64_t removed;

	while (atomic_load(&sweeping)) {
		if (store->ops->sweep(store, a, &removed).code != PROBLEM_NONE || removed)
			atomic_fetch_add(&sweep_failed, 1);
		arena_reset(a);
	}
	arena_free(a);
	return arg;
}

static void uploads_survive_sweeps_at_the_same_time(void)
{
	char key[STORAGE_KEY];
	pthread_t thread;
	int lost = 0;

	atomic_store(&sweeping, true);
	pthread_create(&thread, NULL, sweep_on, NULL);
	for (int i = 0; i < 300; i++) {
		if (put(bytes, 10, key).code != PROBLEM_NONE || !holds(key, bytes, 10))
			lost++;
		else
			remove_key(key);
	}
	atomic_store(&sweeping, false);
	pthread_join(thread, NULL);
	is_int(lost, 0, "300 uploads");
	is_int(files_below(""), 0, "nothing is left of them");
	arena_reset(arena);
}

static void make_old(const char *path, int hours)
{
	struct timespec t[2];

	clock_gettime(CLOCK_REALTIME, &t[0]);
	t[0].tv_sec -= (time_t)hours * 3600;
	t[1] = t[0];
	utimensat(AT_FDCWD, path, t, 0);
}

static void *appear_later(void *path)
{
	usleep(60000);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0440));
	return NULL;
}

static void elsewhere_age_decides_and_absence_is_given_time(void)
{
	const char *key = HEX64 "." HEX32;
	char path[256];
	pthread_t thread;
	int64_t size;
	int fd;

	store->ops->close(store);
	fault_remote(true);
	struct problem p = store_open(arena, &(struct store_options){.location = root}, &store);
	ok(p.code == PROBLEM_NONE && !store->sendfile, "a network file system gets no sendfile");
	close(creat(under("incoming/" HEX32), 0600));
	make_old(under("incoming/" HEX32), 23);
	is_int(sweep(), 0, "23 hours are not enough to be dead");
	make_old(under("incoming/" HEX32), 25);
	is_int(sweep(), 1, "25 hours are");

	snprintf(path, sizeof(path), "%s", path_of(key));
	pthread_create(&thread, NULL, appear_later, path);
	is_int(store->ops->open(store, arena, key, &fd, &size).code, PROBLEM_NONE,
	       "a blob that appears after 60 ms is found");
	close(fd);
	pthread_join(thread, NULL);
	remove_key(key);
	int64_t start = monotonic_us();
	is_int(store->ops->open(store, arena, key, &fd, &size).code, PROBLEM_NOT_FOUND,
	       "one that never appears is not");
	ok(monotonic_us() - start > 1000000, "after more than a second of trying");
	store->ops->close(store);
	fault_remote(false);
	p = store_open(arena, &(struct store_options){.location = root}, &store);
	ok(p.code == PROBLEM_NONE && store->sendfile, "a local one gets sendfile");
}

enum { LISTED = 60, PAGE = 7 };

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void a_list_names_every_blob_once_in_order(void)
{
	static char keys[LISTED][STORAGE_KEY];
	struct store_entry page[PAGE];
	const char *after = "";
	int seen = 0, wrong = 0, count = PAGE;

	for (int i = 0; i < LISTED; i++) /* six of each content share a folder */
		wrong += put(bytes + i / 6, 100 + (size_t)(i / 6), keys[i]).code != PROBLEM_NONE;
	qsort(keys, LISTED, STORAGE_KEY, by_text);
	close(creat(arena_printf(arena, "%s.bak", path_of(keys[3])), 0600));
	while (count == PAGE && seen <= LISTED) {
		if (store->ops->list(store, arena, after, PAGE, page, &count).code != PROBLEM_NONE)
			break;
		for (int i = 0; i < count; i++, seen++)
			wrong += seen >= LISTED || strcmp(page[i].key, keys[seen]) != 0 ||
				 page[i].size < 100 || page[i].age < 0 || page[i].age > 60;
		after = count ? arena_dup(arena, page[count - 1].key, STORAGE_KEY - 1) : after;
	}
	is_int(seen, LISTED, "sixty in pages of seven");
	is_int(wrong, 0, "in order, with size and age");
	unlink(arena_printf(arena, "%s.bak", path_of(keys[3])));
	for (int i = 0; i < LISTED; i++)
		remove_key(keys[i]);
	is_int(store->ops->list(store, arena, "", PAGE, page, &count).code, PROBLEM_NONE, "empty");
	is_int(count, 0, "names nothing");
}

static void a_location_is_read_strictly(void)
{
	static const struct {
		const char *location, *folder, *why;
	} cases[] = {
		{"/srv/hallmark", "/srv/hallmark", NULL},
		{"//srv///hallmark/./", "/srv/hallmark", NULL},
		{"file:///srv/hallmark", "/srv/hallmark", NULL},
		{"file:/srv/hallmark", "/srv/hallmark", NULL},
		{"file://localhost/srv/a%20b", "/srv/a b", NULL},
		{"/srv/a%20b", "/srv/a%20b", NULL},
		{"/srv/...", "/srv/...", NULL},
		{"", NULL, "is not an absolute path"},
		{"srv/hallmark", NULL, "is not an absolute path"},
		{"/", NULL, "is the root folder"},
		{"file:///", NULL, "is the root folder"},
		{"/srv/../etc", NULL, "goes upwards"},
		{"file:///srv/%2e%2e/etc", NULL, "goes upwards"},
		{"file://otherhost/srv", NULL, "names another host"},
		{"file://localhost", NULL, "names another host"},
		{"file:srv", NULL, "is not an absolute path"},
		{"file:///srv?x=1", NULL, "query or fragment"},
		{"file:///srv/%", NULL, "broken percent escape"},
		{"file:///srv/%4", NULL, "broken percent escape"},
		{"file:///srv/%00", NULL, "broken percent escape"},
		{"file:///srv/%0a", NULL, "control character"},
		{"s3://bucket/prefix", NULL, "not a folder"},
		{"nfs://server/export", NULL, "is not an absolute path"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *folder = NULL;
		struct problem p = store_folder(arena, cases[i].location, &folder);

		if (cases[i].folder)
			is_str(folder, cases[i].folder, "\"%s\"", cases[i].location);
		else
			ok(p.code == PROBLEM_INVALID && strstr(p.detail, cases[i].why) &&
				   strstr(p.detail, "file:///srv/hallmark"),
			   "\"%s\" %s", cases[i].location, cases[i].why);
	}
	char *vast = arena_alloc(arena, 8000);
	memset(vast, '/', 1);
	memset(vast + 1, 'a', 7000);
	ok(strstr(store_folder(arena, vast, &(const char *){NULL}).detail, "too long"),
	   "a path that leaves no room for keys");
}

static void an_unusable_folder_is_named(void)
{
	struct store *s;
	struct problem p =
		store_open(arena, &(struct store_options){.location = under("no/such/parent")}, &s);

	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "no/such/parent"), "%s", p.detail);
	close(creat(under("file"), 0600));
	p = store_open(arena, &(struct store_options){.location = under("file")}, &s);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "Not a directory"), "%s", p.detail);
	unlink(under("file"));
	fault_arm(FAULT_WRITE, 1, EROFS); /* the probe's write */
	p = store->ops->check(store, arena);
	is_int(p.code, PROBLEM_UNAVAILABLE, "a store that has become read-only fails its check");
	is_int(store->ops->check(store, arena).code, PROBLEM_NONE, "and passes once it is not");
	is_int(files_below("incoming"), 0, "checks leave nothing");
}

/* A small file system of its own, in a mount namespace nobody else sees. */
static void a_full_disk_is_said_to_be_full(void)
{
	const char *small = under("small");
	struct store *before = store;
	struct store_put *p;
	char key[STORAGE_KEY];

	mkdir(small, 0755);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", small, "tmpfs", 0, "size=2m") != 0) {
		ok(true, "a small file system # SKIP needs the right to mount");
		rmdir(small);
		return;
	}
	is_int(store_open(arena, &(struct store_options){.location = small}, &store).code,
	       PROBLEM_NONE, "two MiB");
	is_int(store->ops->put_begin(store, arena, 3 << 20, &p).code, PROBLEM_NO_SPACE,
	       "three announced are refused at once");
	is_int(store->ops->put_begin(store, arena, -1, &p).code, PROBLEM_NONE, "unannounced");
	is_int(store->ops->put_write(p, arena, bytes, 3 * MIB).code, PROBLEM_NO_SPACE,
	       "they fail when written");
	store->ops->put_abort(p);
	is_int(files_below("small"), 0, "and leave nothing");
	is_int(put(bytes, MIB, key).code, PROBLEM_NONE, "one MiB fits again");
	store->ops->close(store);
	store = before;
	umount(small);
	rmdir(small);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!own_folder_make(root, "t_fs"))
		return 1;
	if (!freopen("/dev/null", "w", stderr)) /* the faults are logged, as they should be */
		return 1;
	arena = arena_new(256 * MIB);
	bytes = sample_bytes(20 * MIB);
	is_int(store_open(arena, &(struct store_options){.location = root}, &store).code,
	       PROBLEM_NONE, "opened");

	what_is_put_can_be_opened_until_it_is_removed();
	the_file_is_safe_before_its_name_and_the_name_before_the_answer();
	a_fault_leaves_nothing_and_says_what_it_means();
	a_failed_fsync_is_never_tried_again();
	short_and_interrupted_writes_are_continued();
	a_large_file_may_come_in_any_pieces();
	a_large_file_leaves_memory_to_others();
	a_key_of_another_shape_never_becomes_a_path();
	what_is_no_ordinary_file_is_not_opened();
	a_folder_that_was_removed_is_made_again();
	a_sweep_takes_what_the_dead_have_left_and_nothing_else();
	uploads_survive_sweeps_at_the_same_time();
	elsewhere_age_decides_and_absence_is_given_time();
	a_list_names_every_blob_once_in_order();
	a_location_is_read_strictly();
	an_unusable_folder_is_named();
	a_full_disk_is_said_to_be_full();

	store->ops->close(store);
	own_folder_remove(root);
	free(bytes);
	arena_free(arena);
	return tap_done();
}
