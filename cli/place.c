#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "cli/exit.h"
#include "cli/small_file.h"

enum { PATH_MOST = 1024, SEGMENT_MOST = 255 };

static const char *segment_fault(const char *s, size_t len)
{
	if (len == 0)
		return "has an empty segment";
	if (len > SEGMENT_MOST)
		return "has a segment over 255 bytes";
	if ((len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.'))
		return "has a segment \".\" or \"..\"";
	return NULL;
}

static bool drive_letter(const char *s)
{
	return ascii_letter(s[0]) && s[1] == ':';
}

const char *path_fault(const char *path)
{
	size_t len = strlen(path);
	size_t own = strlen(PLACE_OWN);

	if (len == 0)
		return "is empty";
	if (len > PATH_MOST)
		return "is over 1,024 bytes";
	if (*path == '/' || drive_letter(path))
		return "is absolute";
	if (strchr(path, '\\'))
		return "holds a backslash";
	if (!utf8_valid(path, len))
		return "is not UTF-8";
	if (utf8_forbidden(path, len) >= 0)
		return "holds a control character or one that hides text";
	if (strncasecmp(path, PLACE_OWN, own) == 0 && (path[own] == '/' || path[own] == '\0'))
		return "lies in the folder " PLACE_OWN ", which is not the model's";
	for (const char *s = path;; s++) {
		size_t n = strcspn(s, "/");
		const char *fault = segment_fault(s, n);

		if (fault || !s[n])
			return fault;
		s += n;
	}
}

/* One step down; takes the descriptor it stands on. */
static int step(int at, const char *segment, bool create)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, segment, flags);

	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(at, segment, 0777) == 0)
			fsync(at); /* the new name must outlive a crash, as the file in it will */
		fd = openat(at, segment, flags);
	}
	return fd;
}

struct problem place_parent(struct arena *a, int root, const char *path, bool create, int *parent,
			    const char **leaf)
{
	int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

	while (at >= 0) {
		size_t len = strcspn(path, "/");

		if (!path[len])
			break;

		const char *segment = arena_dup(a, path, len);
		int below = step(at, segment, create);
		int error = errno;

		close(at);
		at = below;
		errno = error == ENOTDIR ? ELOOP : error; /* a link, or a file: not to be walked */
		path += len + 1;
	}
	if (at < 0)
		return file_problem(a, path, errno);
	*parent = at;
	*leaf = path;
	return NO_PROBLEM;
}

struct problem place_open(struct arena *a, int root, const char *path, int *fd)
{
	int parent __attribute__((cleanup(fd_close))) = -1;
	const char *leaf = "";
	struct stat st;

	*fd = -1;
	TRY(place_parent(a, root, path, false, &parent, &leaf));

	/* O_NONBLOCK: a pipe in the place of the file must not hold us up. */
	int file = openat(parent, leaf, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (file < 0)
		return file_problem(a, path, errno);
	if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(file);
		return problem(a, CLI_FAILED, "%s: is not a regular file", path);
	}
	*fd = file;
	return NO_PROBLEM;
}

struct problem place_root(struct arena *a, const char *folder, bool create, int *fd)
{
	if (create)
		TRY(small_file_folders(a, folder));
	if (create && mkdir(folder, 0777) != 0 && errno != EEXIST)
		return file_problem(a, folder, errno);
	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? file_problem(a, folder, errno) : NO_PROBLEM;
}
