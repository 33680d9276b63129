#include "storage/store.h"

#include <limits.h>
#include <string.h>

#include "storage/fs.h"

enum { FOLDER_ROOM = PATH_MAX - 256 }; /* leaves room for what the store adds */

static struct problem wrong(struct arena *a, const char *location, const char *why)
{
	return problem(a, PROBLEM_INVALID,
		       "The storage location \"%s\" %s. Write an absolute path such as "
		       "/srv/hallmark, or file:///srv/hallmark.",
		       location, why);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at && (c & 0x40 || c < 0x3a) ? (int)(at - digits) : -1;
}

/* RFC 3986 §2.1; NULL when an escape is broken or stands for NUL. */
static const char *percent_decoded(struct arena *a, const char *s)
{
	char *text = arena_dup(a, s, strlen(s)), *out = text;

	for (; *s; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		int high = hex_value(s[1]);
		int low = high < 0 ? -1 : hex_value(s[2]);
		if (low < 0 || high + low == 0)
			return NULL;
		*out++ = (char)(high << 4 | low);
		s += 2;
	}
	*out = '\0';
	return text;
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
	*path = percent_decoded(a, at);
	return *path ? NO_PROBLEM : wrong(a, location, "has a broken percent escape");
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

	if (strncmp(location, "s3:", 3) == 0)
		return wrong(a, location,
			     "is an object store; this release keeps artifacts "
			     "in a folder, on local disk or NFS");
	if (strncmp(location, "file:", 5) == 0)
		TRY(url_path(a, location, &path));
	if (*path != '/')
		return wrong(a, location, "is not an absolute path");
	for (const char *s = path; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return wrong(a, location, "has a control character");
	return tidy(a, location, path, out);
}

struct problem store_open(struct arena *a, const char *location, struct store **out)
{
	const char *folder = NULL;

	TRY(store_folder(a, location, &folder));
	return fs_open(a, folder, out);
}
