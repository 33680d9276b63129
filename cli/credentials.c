#include "cli/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/origin.h"
#include "cli/exit.h"
#include "cli/small_file.h"

enum { TOKEN_MOST = 16 * 1024, URL_MOST = 4096 };

static const char preset_url[] = "http://127.0.0.1:8080";

static const char *environment(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static const char *config_folder(struct arena *a)
{
	const char *xdg = environment("XDG_CONFIG_HOME");
	const char *home = environment("HOME");

	if (xdg && *xdg == '/')
		return arena_printf(a, "%s/hallmark", xdg);
	return home ? arena_printf(a, "%s/.config/hallmark", home) : NULL;
}

/* "http://127.0.0.1:8080/x" makes "http_127.0.0.1_8080_x": one folder, no escapes. */
static const char *server_folder(struct arena *a, const char *origin)
{
	char *name = arena_bytes(a, strlen(origin) + 1), *to = name;

	for (const char *s = origin; *s; s++) {
		if (strncmp(s, "://", 3) == 0)
			s += 2;
		*to = *s;
		if (*to == '/' || *to == ':')
			*to = '_';
		to++;
	}
	*to = '\0';
	return name;
}

const char *credentials_path(struct arena *a, const char *origin, const char *name)
{
	const char *folder = config_folder(a);

	return folder ? arena_printf(a, "%s/servers/%s/%s", folder, server_folder(a, origin), name)
		      : NULL;
}

static struct problem read_optional(struct arena *a, const char *path, size_t limit,
				    const char **text)
{
	size_t len = 0;
	struct problem p = small_file_read(a, AT_FDCWD, path, limit, text, &len);

	if (p.code == PROBLEM_NOT_FOUND)
		*text = NULL;
	return p.code == PROBLEM_NOT_FOUND ? NO_PROBLEM : p;
}

static const char *trimmed(struct arena *a, const char *text)
{
	static const char blank[] = " \t\r\n";
	size_t len;

	text += strspn(text, blank);
	len = strlen(text);
	while (len && strchr(blank, text[len - 1]))
		len--;
	return arena_dup(a, text, len);
}

struct problem credentials_url(const struct cli *cli, const char **url, const char **from)
{
	const char *folder = config_folder(cli->arena);
	const char *kept = NULL;

	*from = cli->globals.url ? "--url" : "HALLMARK_URL";
	*url = cli->globals.url ? cli->globals.url : environment("HALLMARK_URL");
	if (!*url && folder) {
		*from = arena_printf(cli->arena, "%s/url", folder);
		TRY(read_optional(cli->arena, *from, URL_MOST, &kept));
		*url = kept ? trimmed(cli->arena, kept) : NULL;
	}
	if (!*url) {
		*from = "preset";
		*url = preset_url;
	}
	return origin_read(cli->arena, *url, url);
}

struct problem token_clean(struct arena *a, const char *text, const char *from, const char **token)
{
	const char *t = trimmed(a, text);

	if (!*t)
		return problem(a, CLI_USAGE, "%s holds no access token: it is empty", from);
	for (const char *c = t; *c; c++)
		if (*c <= ' ' || *c > '~')
			return problem(a, CLI_USAGE,
				       "%s holds more than an access token: one word is wanted",
				       from);
	*token = t;
	return NO_PROBLEM;
}

static struct problem token_file(struct arena *a, const char *path, const char **token)
{
	const char *text = NULL;
	size_t len = 0;

	TRY(small_file_read(a, AT_FDCWD, path, TOKEN_MOST, &text, &len));
	return token_clean(a, text, path, token);
}

struct problem credentials_token(const struct cli *cli, const char *origin, const char **token,
				 const char **from)
{
	struct arena *a = cli->arena;
	const char *file = cli->globals.token_file;
	const char *kept = credentials_path(a, origin, "token");
	const char *text = NULL;

	*token = NULL;
	*from = file ? file : environment("HALLMARK_TOKEN_FILE");
	if (*from)
		return token_file(a, *from, token);
	*from = "HALLMARK_TOKEN";
	if (environment("HALLMARK_TOKEN"))
		return token_clean(a, environment("HALLMARK_TOKEN"), *from, token);
	*from = kept;
	if (kept)
		TRY(read_optional(a, kept, TOKEN_MOST, &text));
	return text ? token_clean(a, text, kept, token) : NO_PROBLEM;
}

static struct problem keep_line(struct arena *a, const char *path, const char *line)
{
	const char *text = arena_printf(a, "%s\n", line);

	TRY(small_file_folders(a, path));
	return small_file_write(a, AT_FDCWD, path, 0600, text, strlen(text));
}

struct problem credentials_keep(struct arena *a, const char *origin, const char *token)
{
	const char *path = credentials_path(a, origin, "token");

	if (!path)
		return problem(a, CLI_FAILED,
			       "there is no folder to keep the token in: set HOME or "
			       "XDG_CONFIG_HOME");
	TRY(keep_line(a, path, token));
	return keep_line(a, arena_printf(a, "%s/url", config_folder(a)), origin);
}

struct problem credentials_forget(struct arena *a, const char *origin, bool *was_there)
{
	const char *path = credentials_path(a, origin, "token");

	*was_there = path && unlink(path) == 0;
	if (path && !*was_there && errno != ENOENT)
		return file_problem(a, path, errno);
	return NO_PROBLEM;
}
