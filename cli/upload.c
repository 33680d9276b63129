#include "cli/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/http_answer.h"
#include "base/text.h"
#include "cli/crew.h"
#include "cli/exit.h"
#include "cli/file_digest.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/small_file.h"

enum stored { STORED_NOT, STORED_SAME, STORED_OTHER };

/* ---- what is to be sent ----------------------------------------------------------- */

static struct problem open_file(struct arena *a, const char *path, struct upload *out)
{
	const char *folder = dirname(arena_dup(a, path, strlen(path)));
	const char *name = basename(arena_dup(a, path, strlen(path)));
	struct stat st;

	TRY(place_root(a, folder, false, &out->root));
	if (fstatat(out->root, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return file_problem(a, path, errno);
	out->files.entries = arena_array(a, struct entry, 1);
	out->files.entries[0] = (struct entry){
		.path = name,
		.kind = S_ISREG(st.st_mode)   ? ENTRY_FILE
			: S_ISLNK(st.st_mode) ? ENTRY_LINK
					      : ENTRY_OTHER,
		.size = st.st_size,
	};
	out->files.count = 1;
	return NO_PROBLEM;
}

static struct problem check_entry(struct arena *a, const struct entry *e)
{
	const char *fault = path_fault(e->path);

	if (e->kind == ENTRY_LINK)
		return problem(a, CLI_USAGE,
			       "%s is a symbolic link, and a model holds files only: put the file "
			       "itself there, or leave the link out with --exclude '%s'",
			       e->path, e->path);
	if (e->kind == ENTRY_OTHER)
		return problem(a, CLI_USAGE,
			       "%s is no regular file: leave it out with --exclude '%s'", e->path,
			       e->path);
	return fault ? problem(a, CLI_USAGE, "the path %s %s", e->path, fault) : NO_PROBLEM;
}

struct problem upload_open(struct cli *cli, const char *path, const struct folder_rules *rules,
			   struct upload *out)
{
	struct arena *a = cli->arena;
	struct stat st;

	*out = (struct upload){.root = -1};
	if (stat(path, &st) != 0)
		return file_problem(a, path, errno);
	if (!S_ISDIR(st.st_mode)) {
		TRY(open_file(a, path, out));
	} else {
		TRY(place_root(a, path, false, &out->root));
		TRY(folder_list(a, out->root, rules, &out->files));
	}
	for (size_t i = 0; i < out->files.count; i++) {
		TRY(check_entry(a, &out->files.entries[i]));
		out->bytes += out->files.entries[i].size;
	}
	if (out->files.count == 0)
		return problem(a, CLI_USAGE, "%s holds no files%s", path,
			       out->files.skipped ? " but hidden ones: --hidden takes them" : "");
	return NO_PROBLEM;
}

/* ---- hashing ---------------------------------------------------------------------- */

struct hashing {
	struct upload *u;
	struct progress progress;
};

static struct problem hash_one(struct crew_member *m, size_t i)
{
	struct hashing *h = m->who;
	struct entry *e = &h->u->files.entries[i];
	int fd __attribute__((cleanup(fd_close))) = -1;
	const struct reading_told told = {progress_bytes, &h->progress};

	TRY(place_open(m->arena, h->u->root, e->path, &fd));
	TRY(file_sha256(m->arena, fd, e->path, h->u->sha256[i], &e->size, &told));
	progress_file(&h->progress);
	return NO_PROBLEM;
}

struct problem upload_hash(struct cli *cli, struct upload *u)
{
	struct hashing h = {.u = u};
	struct problem p;

	u->sha256 = arena_calloc(cli->arena, u->files.count, SHA256_BYTES);
	progress_begin(&h.progress, cli, "hashing", u->files.count, u->bytes);
	p = crew_run(cli, crew_processors(), false, u->files.count, hash_one, &h);
	progress_end(&h.progress);
	return p;
}

/* ---- what the draft has ----------------------------------------------------------- */

struct sending {
	struct cli *cli;
	struct upload *u;
	const char *target;   /* of the artifacts */
	enum stored *stored;  /* for each file */
	const json_t **alien; /* what the draft has and the folder has not */
	size_t aliens;
	struct progress progress;
	atomic_size_t sent;
};

static bool same_digest(const struct upload *u, size_t i, const json_t *row)
{
	char hex[SHA256_TEXT];
	const char *theirs = json_text(row, "sha256");

	hex_text(hex, u->sha256[i], SHA256_BYTES);
	return theirs && strcmp(theirs, hex) == 0;
}

static struct problem compare(struct sending *s)
{
	json_t *items = NULL;

	TRY(server_list(s->cli, s->target, 0, &items));
	s->stored = arena_array(s->cli->arena, enum stored, s->u->files.count);
	s->alien = arena_array(s->cli->arena, const json_t *, json_array_size(items) + 1);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);
		const char *path = json_text(row, "path");
		const struct entry *e = path ? folder_find(&s->u->files, path) : NULL;
		size_t at = e ? (size_t)(e - s->u->files.entries) : 0;

		if (!e)
			s->alien[s->aliens++] = row;
		else
			s->stored[at] = same_digest(s->u, at, row) ? STORED_SAME : STORED_OTHER;
	}
	return NO_PROBLEM;
}

static struct sending sending(struct cli *cli, struct upload *u, const struct model_ref *m,
			      const char *version)
{
	return (struct sending){
		.cli = cli,
		.u = u,
		.target = version_target(cli->arena, m, version, "/artifacts"),
	};
}

struct problem upload_same(struct cli *cli, const struct upload *u, const struct model_ref *m,
			   const char *version, bool *same)
{
	struct upload copy = *u;
	struct sending s = sending(cli, &copy, m, version);

	TRY(compare(&s));
	*same = s.aliens == 0;
	for (size_t i = 0; i < u->files.count; i++)
		*same = *same && s.stored[i] == STORED_SAME;
	return NO_PROBLEM;
}

/* ---- sending ---------------------------------------------------------------------- */

static const char *media_type(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
		{".json", "application/json"}, {".md", "text/markdown"},     {".txt", "text/plain"},
		{".yaml", "application/yaml"}, {".yml", "application/yaml"},
	};
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i].ending);

		if (len > n && strcmp(path + len - n, types[i].ending) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static const char *artifact_target(struct arena *a, const char *artifacts, const char *path)
{
	return arena_printf(a, "%s/%s", artifacts, percent_text(a, path, strlen(path), "/"));
}

static struct problem put_file(struct crew_member *m, struct sending *s, size_t i, int fd)
{
	const struct entry *e = &s->u->files.entries[i];
	struct http_file file = {fd, e->size, progress_bytes, &s->progress};
	char digest[DIGEST_HEADER_TEXT];
	const char *headers[4] = {NULL};
	struct http_call call = {
		.method = "PUT",
		.target = artifact_target(m->arena, s->target, e->path),
		.headers = headers,
		.file = &file,
	};

	digest_header_text(s->u->sha256[i], digest);
	headers[0] = arena_printf(m->arena, "Repr-Digest: %s", digest);
	headers[1] = arena_printf(m->arena, "Content-Type: %s", media_type(e->path));
	if (s->stored[i] == STORED_OTHER)
		headers[2] = "If-Match: *"; /* yes, it is to be replaced */
	TRY(http_do(m->http, m->arena, &call));

	struct problem p = http_accept(m->arena, &call);

	if (p.code == PROBLEM_DIGEST_MISMATCH)
		return problem(m->arena, PROBLEM_CONFLICT, "%s changed while it was sent", e->path);
	if (p.code != PROBLEM_NONE)
		p.detail = arena_printf(m->arena, "%s: %s", e->path, p.detail);
	return p;
}

static struct problem send_one(struct crew_member *m, size_t i)
{
	struct sending *s = m->who;
	const struct entry *e = &s->u->files.entries[i];
	int fd __attribute__((cleanup(fd_close))) = -1;

	if (s->stored[i] == STORED_SAME) {
		progress_known(&s->progress, e->size);
		progress_file(&s->progress);
		return NO_PROBLEM;
	}
	TRY(place_open(m->arena, s->u->root, e->path, &fd));
	TRY(put_file(m, s, i, fd));
	s->sent++;
	progress_file(&s->progress);
	return NO_PROBLEM;
}

static struct problem remove_aliens(struct sending *s)
{
	static const char *const headers[] = {"If-Match: *", NULL};

	for (size_t i = 0; i < s->aliens; i++) {
		const char *path = json_text(s->alien[i], "path");

		if (!path)
			continue;
		TRY(server_send(s->cli, "DELETE", artifact_target(s->cli->arena, s->target, path),
				headers, NULL, NULL));
		cli_say(s->cli, "taken out of the draft: %s, which is not in the folder", path);
	}
	return NO_PROBLEM;
}

struct problem upload_send(struct cli *cli, struct upload *u, const struct model_ref *m,
			   const char *version, int jobs)
{
	struct sending s = sending(cli, u, m, version);
	struct problem p;

	TRY(compare(&s));
	TRY(remove_aliens(&s)); /* first: one of them may stand where a folder must be */
	progress_begin(&s.progress, cli, "sending", u->files.count, u->bytes);
	p = crew_run(cli, jobs ? jobs : CREW_TRANSFERS, true, u->files.count, send_one, &s);
	progress_end(&s.progress);
	u->sent = s.sent;
	return p;
}
