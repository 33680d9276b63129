#include "cli/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/place.h"
#include "cli/small_file.h"

enum { DEPTH_MOST = 64 };

struct walk {
	struct arena *arena;
	const struct folder_rules *rules;
	struct folder *out;
	size_t room;
};

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static void add(struct walk *w, struct entry e)
{
	struct folder *f = w->out;

	if (f->count == w->room) {
		w->room = w->room ? w->room * 2 : 64;

		struct entry *wider = arena_array(w->arena, struct entry, w->room);

		if (f->count)
			memcpy(wider, f->entries, f->count * sizeof(*wider));
		f->entries = wider;
	}
	f->entries[f->count++] = e;
}

static bool excluded(const struct walk *w, const char *path, const char *name)
{
	const struct texts *x = w->rules->exclude;

	for (size_t i = 0; x && i < x->count; i++)
		if (fnmatch(x->items[i], path, 0) == 0 || fnmatch(x->items[i], name, 0) == 0)
			return true;
	return false;
}

static bool left_out(struct walk *w, const char *path, const char *name)
{
	if (strcmp(path, PLACE_OWN) == 0 || excluded(w, path, name))
		return true;
	if (w->rules->all)
		return false;
	if (strcmp(name, ".git") == 0)
		return true;
	if (name[0] != '.' || w->rules->hidden)
		return false;
	w->out->skipped++;
	return true;
}

static struct problem walk_folder(struct walk *w, int fd, const char *below, int depth);

static struct problem walk_entry(struct walk *w, int dir, const char *path, const char *name,
				 int depth)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return file_problem(w->arena, path, errno);
	if (!S_ISDIR(st.st_mode)) {
		enum entry_kind kind = S_ISREG(st.st_mode)   ? ENTRY_FILE
				       : S_ISLNK(st.st_mode) ? ENTRY_LINK
							     : ENTRY_OTHER;

		add(w, (struct entry){path, kind, st.st_size});
		return NO_PROBLEM;
	}
	if (depth == DEPTH_MOST)
		return problem(w->arena, CLI_FAILED, "%s: lies more than %d folders deep", path,
			       DEPTH_MOST);

	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? file_problem(w->arena, path, errno) : walk_folder(w, fd, path, depth + 1);
}

/* Takes fd. */
static struct problem walk_folder(struct walk *w, int fd, const char *below, int depth)
{
	DIR *d __attribute__((cleanup(close_dir))) = fdopendir(fd);

	if (!d) {
		int error = errno;

		close(fd);
		return file_problem(w->arena, below, error);
	}
	for (;;) {
		errno = 0;

		const struct dirent *e = readdir(d);

		if (!e)
			return errno ? file_problem(w->arena, below, errno) : NO_PROBLEM;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;

		const char *path =
			arena_printf(w->arena, "%s%s%s", below, *below ? "/" : "", e->d_name);

		if (!left_out(w, path, path + strlen(path) - strlen(e->d_name)))
			TRY(walk_entry(w, dirfd(d), path, e->d_name, depth));
	}
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

struct problem folder_list(struct arena *a, int root, const struct folder_rules *rules,
			   struct folder *out)
{
	struct walk w = {a, rules, out, 0};
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*out = (struct folder){0};
	if (fd < 0)
		return file_problem(a, ".", errno);
	TRY(walk_folder(&w, fd, "", 0));
	if (out->count)
		qsort(out->entries, out->count, sizeof(*out->entries), by_path);
	return NO_PROBLEM;
}

const struct entry *folder_find(const struct folder *f, const char *path)
{
	struct entry key = {.path = path};

	return f->count ? bsearch(&key, f->entries, f->count, sizeof(key), by_path) : NULL;
}
