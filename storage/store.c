#include "storage/store.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "storage/bucket.h"
#include "storage/fs.h"
#include "storage/libs3.h"

enum { FOLDER_ROOM = PATH_MAX - 256 }; /* leaves room for what the store adds */

static struct problem wrong(struct arena *a, const char *location, const char *why)
{
	return problem(a, PROBLEM_INVALID,
		       "The storage location \"%s\" %s. Write an absolute path such as "
		       "/srv/hallmark, or file:///srv/hallmark.",
		       location, why);
}

/* The path part of a file URL: file:///p, file://localhost/p or file:/p. */
static struct problem url_path(struct arena *a, const char *location, const char **path)
{
	const char *at = location + strlen("file:");

	if (strpbrk(at, "?#"))
		return wrong(a, location, "has a query or fragment, which folders have not");
	if (strncmp(at, "//", 2) == 0) {
		at += 2;
		if (strncmp(at, "localhost/", 10) == 0)
			at += 9;
		if (*at != '/')
			return wrong(a, location, "names another host");
	}
	char *text;
	size_t len;
	if (!percent_read(a, at, strlen(at), &text, &len) || strlen(text) != len)
		return wrong(a, location, "has a broken percent escape");
	*path = text;
	return NO_PROBLEM;
}

static struct problem tidy(struct arena *a, const char *location, const char *path,
			   const char **folder)
{
	char *out = arena_alloc(a, strlen(path) + 2), *end = out;

	for (size_t len; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0)
			return wrong(a, location, "goes upwards with \"..\"");
		if (len == 0 || (len == 1 && *path == '.'))
			continue;
		*end++ = '/';
		memcpy(end, path, len);
		end += len;
	}
	if (end == out)
		return wrong(a, location, "is the root folder");
	if (end - out > FOLDER_ROOM)
		return wrong(a, location, "is too long");
	*folder = out;
	return NO_PROBLEM;
}

struct problem store_folder(struct arena *a, const char *location, const char **out)
{
	const char *path = location;

	if (bucket_is(location))
		return wrong(a, location, "is an object store and not a folder");
	if (strncmp(location, "file:", 5) == 0)
		TRY(url_path(a, location, &path));
	if (*path != '/')
		return wrong(a, location, "is not an absolute path");
	for (const char *s = path; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return wrong(a, location, "has a control character");
	return tidy(a, location, path, out);
}

/* Which kind of location a driver serves is all that there is to choose. */
struct problem store_open(struct arena *a, const struct store_options *o, struct store **out)
{
	const char *folder = NULL;

	if (o->driver == STORE_LIBS3 && !bucket_is(o->location))
		return wrong(a, o->location,
			     "is not an object store, which the driver libs3 is for");
	if (o->driver == STORE_LIBS3)
		return libs3_open(a, o, out);
	if (bucket_is(o->location))
		return wrong(a, o->location,
			     "is an object store: set storage_driver = libs3, after reading in "
			     "docs/storage.md what it can do");
	TRY(store_folder(a, o->location, &folder));
	return fs_open(a, folder, out);
}
