#include "cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/http_answer.h"
#include "base/text.h"
#include "cli/exit.h"
#include "cli/file_digest.h"
#include "cli/place.h"
#include "cli/small_file.h"

enum { ATTEMPTS = 6, SIGNATURE_MOST = 64 * 1024 };

/* One file on its way. */
struct part {
	const struct fetch *f;
	const struct sealed_file *file;
	struct arena *arena;
	struct http *http;
	struct http_call call;
	int folder, fd;   /* .hallmark/parts, and the file in it */
	const char *name; /* there */
	int64_t size;     /* that it must have; -1: not known */
	int64_t have;     /* bytes that are written and hashed */
	struct hasher hasher;
	int error; /* errno of what ended the transfer on this side */
	bool surplus;
};

static void part_close(struct part *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->folder >= 0)
		close(p->folder);
	hasher_close(&p->hasher);
}

static const char *target_of(struct arena *a, const char *before, const char *path,
			     const char *after)
{
	return arena_printf(a, "%s/%s%s", before, percent_text(a, path, strlen(path), "/"), after);
}

/* ---- bytes as they come ----------------------------------------------------------- */

static bool start_over(struct part *p)
{
	progress_bytes(p->f->progress, -p->have);
	p->have = 0;
	hasher_close(&p->hasher);
	if (!hasher_begin(&p->hasher) || ftruncate(p->fd, 0) != 0) {
		p->error = errno ? errno : ENOMEM;
		return false;
	}
	return true;
}

/* "bytes 100-199/200": where the answer begins; -1 when it does not say. */
static int64_t range_begin(const struct http_call *call)
{
	const char *v = http_received(call, "Content-Range");

	if (!v || strncmp(v, "bytes ", 6) != 0 || v[6] < '0' || v[6] > '9')
		return -1;
	return strtoll(v + 6, NULL, 10);
}

static bool part_begin(void *who, long status)
{
	struct part *p = who;

	if (status == 206 && range_begin(&p->call) == p->have)
		return true;
	return start_over(p) && status == 200;
}

static bool part_take(void *who, const void *bytes, size_t len)
{
	struct part *p = who;
	const char *from = bytes;

	if (p->size >= 0 && (int64_t)len > p->size - p->have) {
		p->surplus = true;
		return false;
	}
	hasher_feed(&p->hasher, bytes, len);
	while (len) {
		ssize_t n = pwrite(p->fd, from, len, p->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			p->error = errno;
			return false;
		}
		from += n;
		len -= (size_t)n;
		p->have += n;
		progress_bytes(p->f->progress, n);
	}
	return true;
}

/* ---- the transfer ----------------------------------------------------------------- */

static struct problem open_part(struct part *p, size_t i)
{
	const char *leaf = "";
	char hex[SHA256_TEXT];

	hex_text(hex, p->file->sha256, SHA256_BYTES);
	/* the number keeps apart two files of the same content */
	p->name = arena_printf(p->arena, "%s.%zu.part", hex, i);

	const char *path = arena_printf(p->arena, SEALED_PARTS "/%s", p->name);

	TRY(place_parent(p->arena, p->f->root, path, true, &p->folder, &leaf));
	p->fd = openat(p->folder, leaf, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return p->fd < 0 ? file_problem(p->arena, path, errno) : NO_PROBLEM;
}

static struct problem resume_part(struct part *p)
{
	struct stat st;

	if (!hasher_begin(&p->hasher))
		return problem(p->arena, CLI_FAILED, "there is no memory left");
	if (fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return problem(p->arena, CLI_FAILED, "%s: is not a regular file", p->name);
	if (p->size >= 0 && st.st_size > p->size && ftruncate(p->fd, 0) != 0)
		return file_problem(p->arena, p->name, errno);
	TRY(file_feed(p->arena, p->fd, p->name, &p->hasher, &p->have, NULL));
	progress_known(p->f->progress, p->have);
	return NO_PROBLEM;
}

/* If-Range: bytes of another representation are never glued to what is there. */
static struct problem ask_once(struct part *p)
{
	struct http_sink sink = {part_begin, part_take, p};
	char hex[SHA256_TEXT];
	const char *headers[3] = {NULL};

	hex_text(hex, p->file->sha256, SHA256_BYTES);
	if (p->have) {
		headers[0] = arena_printf(p->arena, "Range: bytes=%lld-", (long long)p->have);
		headers[1] = arena_printf(p->arena, "If-Range: \"%s\"", hex);
	}
	p->call = (struct http_call){
		.method = "GET",
		.target = target_of(p->arena, p->f->artifacts, p->file->path, ""),
		.headers = headers,
		.sink = &sink,
		.attempts = 1,
	};

	struct problem answer = http_do(p->http, p->arena, &p->call);

	p->call.headers = NULL; /* this frame's; the sink too */
	p->call.sink = NULL;
	if (p->error)
		return file_problem(p->arena, p->file->path, p->error);
	if (p->surplus)
		return problem(p->arena, PROBLEM_DIGEST_MISMATCH,
			       "%s: the registry sends more than the %lld bytes it has",
			       p->file->path, (long long)p->size);
	TRY(answer);
	return http_accept(p->arena, &p->call);
}

static bool passing(const struct part *p, enum problem_code code)
{
	return (code == PROBLEM_UNAVAILABLE || code == PROBLEM_BUSY) && !http_stopped(p->http);
}

static struct problem transfer(struct part *p)
{
	for (int n = 1;; n++) {
		int64_t before = p->have;
		struct problem got = ask_once(p);

		/* 416: all of it was here already, if the digest says so */
		if (got.code == PROBLEM_RANGE && p->have)
			return NO_PROBLEM;
		if (p->have > before)
			n = 1; /* it moves: patience starts over */
		if (got.code == PROBLEM_NONE || n == ATTEMPTS || !passing(p, got.code))
			return got;
		http_pause(p->http, n, 0);
	}
}

/* ---- before it has a name --------------------------------------------------------- */

static struct problem check_digest(struct part *p, struct digests *d)
{
	char want[SHA256_TEXT], got[SHA256_TEXT];

	hasher_end(&p->hasher, d);
	if (memcmp(d->sha256, p->file->sha256, SHA256_BYTES) == 0)
		return NO_PROBLEM;
	unlinkat(p->folder, p->name, 0);
	hex_text(want, p->file->sha256, SHA256_BYTES);
	hex_text(got, d->sha256, SHA256_BYTES);
	return problem(p->arena, PROBLEM_DIGEST_MISMATCH,
		       "%s: what came has SHA-256 %s, signed was %s. It was thrown away",
		       p->file->path, got, want);
}

static struct problem fetch_signature(const struct fetch *f, struct http *http, struct arena *a,
				      const struct sealed_file *file, const struct digests *d)
{
	struct http_call call = {
		.method = "GET",
		.target = target_of(a, f->signatures, file->path, ".minisig"),
		.limit = SIGNATURE_MOST,
	};

	TRY(http_do(http, a, &call));

	struct problem p = http_accept(a, &call);

	if (p.code == PROBLEM_NOT_FOUND)
		return problem(a, CLI_UNSIGNED, "%s has no signature", file->path);
	TRY(p);
	TRY(seal_check_file(a, f->seal, f->ring, file, d, call.text, call.len));
	return sealed_keep_signature(a, f->root, file->path, call.text, call.len);
}

/* The bytes are on the disk before the name is, and the name before we say so. */
static struct problem give_name(struct part *p)
{
	int parent __attribute__((cleanup(fd_close))) = -1;
	const char *leaf = "";

	if (fsync(p->fd) != 0)
		return file_problem(p->arena, p->file->path, errno);

	int fd = p->fd;

	p->fd = -1;
	if (close(fd) != 0) /* NFS says only here that there was no room */
		return file_problem(p->arena, p->file->path, errno);
	TRY(place_parent(p->arena, p->f->root, p->file->path, true, &parent, &leaf));
	if (renameat(p->folder, p->name, parent, leaf) != 0 || fsync(parent) != 0)
		return file_problem(p->arena, p->file->path, errno);
	return NO_PROBLEM;
}

static struct problem bring(struct part *p, size_t i)
{
	struct digests d;

	TRY(open_part(p, i));
	TRY(resume_part(p));
	if (p->size < 0 || p->have < p->size)
		TRY(transfer(p));
	TRY(check_digest(p, &d));
	TRY(fetch_signature(p->f, p->http, p->arena, p->file, &d));
	return give_name(p);
}

/* ---- what is in its place already ------------------------------------------------- */

static struct problem in_place(const struct fetch *f, struct http *http, struct arena *a,
			       const struct sealed_file *file, bool *there)
{
	int fd __attribute__((cleanup(fd_close))) = -1;
	struct digests d;
	int64_t size = 0;
	const char *text = NULL;
	size_t len = 0;
	struct problem p = place_open(a, f->root, file->path, &fd);

	*there = false;
	if (p.code != PROBLEM_NONE)
		return NO_PROBLEM; /* whatever it is: what is fetched takes its place */
	TRY(file_digests(a, fd, file->path, &d, &size, NULL));
	if (memcmp(d.sha256, file->sha256, SHA256_BYTES) != 0)
		return NO_PROBLEM;
	*there = true;
	progress_known(f->progress, size);
	p = sealed_signature(a, f->root, file->path, &text, &len);
	if (p.code == PROBLEM_NONE)
		p = seal_check_file(a, f->seal, f->ring, file, &d, text, len);
	return p.code == PROBLEM_NONE ? NO_PROBLEM : fetch_signature(f, http, a, file, &d);
}

struct problem fetch_file(const struct fetch *f, struct http *http, struct arena *a, size_t i,
			  bool *there)
{
	struct part p __attribute__((cleanup(part_close))) = {
		.f = f,
		.file = &f->seal->files[i],
		.arena = a,
		.http = http,
		.folder = -1,
		.fd = -1,
		.size = f->sizes[i],
	};

	TRY(in_place(f, http, a, p.file, there));
	if (!*there)
		TRY(bring(&p, i));
	progress_file(f->progress);
	return NO_PROBLEM;
}
