#include "storage/libs3.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/text.h"
#include "storage/bucket.h"
#include "storage/libs3_call.h"
#include "storage/scratch.h"

enum {
	MEMORY = 64 * 1024,
	OBJECT = BUCKET_PREFIX + STORAGE_KEY, /* room for an object's name */
	MD5_BYTES = 16,
	LIST_PAGE = 1000, /* what stores give at most */
};

/* Constant once it is open, so any number of threads may use it. */
struct libs3_store {
	struct store store;
	const struct libs3 *library;
	struct arena *memory; /* of the texts below */
	S3BucketContext bucket;
	const char *prefix; /* "" or ends with '/' */
	const char *scratch;
};

struct libs3_put {
	struct libs3_store *s3;
	int fd;
	int64_t written;
	EVP_MD_CTX *md5; /* NULL where the system's policy forbids MD5 */
};

static struct libs3_store *s3_of(struct store *s)
{
	return (struct libs3_store *)s;
}

static void object_name(const struct libs3_store *s3, const char *key, char name[OBJECT])
{
	snprintf(name, OBJECT, "%s%s", s3->prefix, key);
}

static struct libs3_call call_of(const struct libs3_store *s3, const char *what, const char *key)
{
	return (struct libs3_call){.library = s3->library, .what = what, .key = key};
}

/* ---- sending ---------------------------------------------------------------------- */

struct sending {
	struct libs3_call call;
	struct libs3_store *s3;
	int fd;
	int64_t size, sent;
	char object[OBJECT];
	const char *md5; /* base64, or NULL */
};

static int give_bytes(int room, char *buffer, void *call)
{
	struct sending *s = call;
	ssize_t n;

	do
		n = pread(s->fd, buffer, (size_t)room, s->sent);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (n == 0 && s->sent < s->size)) {
		s->call.error = n < 0 ? errno : EIO;
		return -1;
	}
	s->sent += n;
	libs3_moved(&s->call);
	return (int)n;
}

static void send_start(struct libs3_call *c, S3RequestContext *context)
{
	static const S3PutObjectHandler handler = {{libs3_properties, libs3_complete}, give_bytes};
	struct sending *s = (struct sending *)c;
	const S3PutProperties properties = {
		.contentType = "application/octet-stream", .md5 = s->md5, .expires = -1};

	s->sent = 0;
	c->library->put_object(&s->s3->bucket, s->object, (uint64_t)s->size, &properties, context,
			       &handler, c);
}

static struct problem send_object(struct arena *a, struct sending *s)
{
	s->call.start = send_start;
	object_name(s->s3, s->call.key, s->object);
	return libs3_run(a, &s->call);
}

/* ---- uploads ---------------------------------------------------------------------- */

/* A body that cannot fit is refused before it has been sent. */
static struct problem fits(struct libs3_store *s3, struct arena *a, int64_t size)
{
	if (size > LIBS3_OBJECT_MAX)
		return problem(a, PROBLEM_TOO_LARGE,
			       "this artifact store takes files of 5 GiB at most");
	return scratch_has_room(s3->scratch, size) ? NO_PROBLEM
						   : scratch_fault(a, s3->scratch, ENOSPC);
}

static void put_free(struct libs3_put *put)
{
	if (put->fd >= 0)
		close(put->fd);
	EVP_MD_CTX_free(put->md5);
	free(put);
}

static void s3_put_abort(struct store_put *p)
{
	put_free((struct libs3_put *)p);
}

static EVP_MD_CTX *md5_begin(void)
{
	EVP_MD_CTX *md5 = EVP_MD_CTX_new();

	if (md5 && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1)
		return md5;
	EVP_MD_CTX_free(md5);
	return NULL;
}

static struct problem s3_put_begin(struct store *s, struct arena *a, int64_t announced,
				   struct store_put **out)
{
	struct libs3_store *s3 = s3_of(s);

	TRY(fits(s3, a, announced));
	struct libs3_put *put = malloc(sizeof(*put));
	if (!put)
		return scratch_fault(a, s3->scratch, ENOMEM);
	*put = (struct libs3_put){.s3 = s3, .fd = -1};
	const int error = scratch_file(s3->scratch, &put->fd);
	if (error) {
		put_free(put);
		return scratch_fault(a, s3->scratch, error);
	}
	put->md5 = md5_begin();
	*out = (struct store_put *)put;
	return NO_PROBLEM;
}

static struct problem s3_put_write(struct store_put *p, struct arena *a, const void *data,
				   size_t len)
{
	struct libs3_put *put = (struct libs3_put *)p;

	if ((uint64_t)len > (uint64_t)(LIBS3_OBJECT_MAX - put->written))
		return fits(put->s3, a, INT64_MAX);
	if (put->md5)
		EVP_DigestUpdate(put->md5, data, len);
	if (!write_whole(put->fd, data, len))
		return scratch_fault(a, put->s3->scratch, errno);
	put->written += (int64_t)len;
	return NO_PROBLEM;
}

static const char *md5_text(struct arena *a, const struct libs3_put *put)
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!put->md5 || EVP_DigestFinal_ex(put->md5, md5, &len) != 1 || len != MD5_BYTES)
		return NULL;
	return base64_text(a, BASE64_STANDARD, md5, len, NULL);
}

static struct problem s3_put_finish(struct store_put *p, struct arena *a,
				    const unsigned char sha256[32], char key[STORAGE_KEY])
{
	struct libs3_put *put = (struct libs3_put *)p;

	storage_key_new(sha256, key);
	struct sending s = {.call = call_of(put->s3, "put", key),
			    .s3 = put->s3,
			    .fd = put->fd,
			    .size = put->written,
			    .md5 = md5_text(a, put)};
	struct problem sent = send_object(a, &s);
	put_free(put);
	return sent;
}

/* ---- reading ---------------------------------------------------------------------- */

struct fetching {
	struct libs3_call call;
	struct libs3_store *s3;
	int fd; /* -1: the size alone is asked for */
	int64_t size, got;
	char object[OBJECT];
};

static S3Status learn_size(const S3ResponseProperties *properties, void *call)
{
	struct fetching *f = call;

	libs3_moved(&f->call);
	f->size = (int64_t)properties->contentLength;
	return S3StatusOK;
}

static S3Status take_bytes(int len, const char *bytes, void *call)
{
	struct fetching *f = call;

	libs3_moved(&f->call);
	f->call.error = write_whole(f->fd, bytes, (size_t)len) ? 0 : errno;
	f->got += len;
	return f->call.error ? S3StatusAbortedByCallback : S3StatusOK;
}

static void get_start(struct libs3_call *c, S3RequestContext *context)
{
	static const S3GetObjectHandler handler = {{learn_size, libs3_complete}, take_bytes};
	struct fetching *f = (struct fetching *)c;

	f->size = f->got = 0;
	if (lseek(f->fd, 0, SEEK_SET) != 0 || ftruncate(f->fd, 0) != 0)
		c->error = errno;
	else
		c->library->get_object(&f->s3->bucket, f->object, NULL, 0, 0, context, &handler, c);
}

static void head_start(struct libs3_call *c, S3RequestContext *context)
{
	static const S3ResponseHandler handler = {learn_size, libs3_complete};
	struct fetching *f = (struct fetching *)c;

	f->size = 0;
	c->library->head_object(&f->s3->bucket, f->object, context, &handler, c);
}

/* An answer cut within its head has no length, which is 0 to libs3: only the key of no
 * bytes at all may have that. */
static bool has_length(const struct libs3_call *c)
{
	static const char nothing[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

	return ((const struct fetching *)c)->size > 0 ||
	       strncmp(c->key, nothing, strlen(nothing)) == 0;
}

static bool got_all(const struct libs3_call *c)
{
	const struct fetching *f = (const struct fetching *)c;

	return has_length(c) && f->got == f->size;
}

static struct problem fetch(struct libs3_store *s3, struct arena *a, const char *key, int fd,
			    int64_t *size)
{
	struct fetching f = {.call = call_of(s3, "get", key), .s3 = s3, .fd = fd};

	f.call.start = fd < 0 ? head_start : get_start;
	f.call.whole = fd < 0 ? has_length : got_all;
	object_name(s3, key, f.object);
	TRY(libs3_run(a, &f.call));
	*size = f.size;
	return NO_PROBLEM;
}

static struct problem s3_open_blob(struct store *s, struct arena *a, const char *key, int *out,
				   int64_t *size)
{
	struct libs3_store *s3 = s3_of(s);
	int fd;

	TRY(storage_key_check(a, key));
	int error = scratch_file(s3->scratch, &fd);
	if (error)
		return scratch_fault(a, s3->scratch, error);
	struct problem p = fetch(s3, a, key, fd, size);
	if (p.code == PROBLEM_NONE && lseek(fd, 0, SEEK_SET) != 0)
		p = scratch_fault(a, s3->scratch, errno);
	if (p.code == PROBLEM_NONE)
		*out = fd;
	else
		close(fd);
	return p;
}

static struct problem s3_size(struct store *s, struct arena *a, const char *key, int64_t *size)
{
	TRY(storage_key_check(a, key));
	return fetch(s3_of(s), a, key, -1, size);
}

/* ---- removing --------------------------------------------------------------------- */

struct removing {
	struct libs3_call call;
	struct libs3_store *s3;
	char object[OBJECT];
};

static void remove_start(struct libs3_call *c, S3RequestContext *context)
{
	static const S3ResponseHandler handler = {libs3_properties, libs3_complete};
	struct removing *r = (struct removing *)c;

	c->library->delete_object(&r->s3->bucket, r->object, context, &handler, c);
}

static struct problem s3_remove(struct store *s, struct arena *a, const char *key)
{
	struct removing r = {.call = call_of(s3_of(s), "remove", key), .s3 = s3_of(s)};

	TRY(storage_key_check(a, key));
	r.call.start = remove_start;
	object_name(r.s3, key, r.object);
	struct problem p = libs3_run(a, &r.call);
	return p.code == PROBLEM_NOT_FOUND ? NO_PROBLEM : p;
}

/* Uploads on their way are files without a name: the dead leave none. */
static struct problem s3_sweep(struct store *s, struct arena *a, int64_t *removed)
{
	(void)s, (void)a;
	*removed = 0;
	return NO_PROBLEM;
}

/* ---- listing ---------------------------------------------------------------------- */

/* One page of the bucket. The bucket may hold objects that are not ours, so the page
 * goes on from the last name seen, which need not be a key. */
struct listing {
	struct libs3_call call;
	struct libs3_store *s3;
	struct store_entry *entries;
	int room, count;
	bool more;
	time_t now;
	char marker[S3_MAX_KEY_SIZE + 1], last[S3_MAX_KEY_SIZE + 1];
};

/* libs3 2.0 takes the UTC of a list for local time. */
static int64_t stored_at(const S3ListBucketContent *object)
{
	const time_t taken = (time_t)object->lastModified;
	struct tm utc;

	return localtime_r(&taken, &utc) ? timegm(&utc) : taken;
}

static void list_take(struct listing *l, const S3ListBucketContent *object)
{
	const char *key = object->key + strlen(l->s3->prefix);

	snprintf(l->last, sizeof(l->last), "%s", object->key);
	if (!storage_is_key(key))
		return;
	struct store_entry *e = &l->entries[l->count++];
	*e = (struct store_entry){.size = (int64_t)object->size};
	memcpy(e->key, key, STORAGE_KEY_TEXT);
	e->age = l->now > stored_at(object) ? l->now - stored_at(object) : 0;
}

static S3Status list_objects(int truncated, const char *next, int n,
			     const S3ListBucketContent *objects, int ncommon, const char **common,
			     void *call)
{
	struct listing *l = call;

	(void)next, (void)ncommon, (void)common;
	libs3_moved(&l->call);
	for (int i = 0; i < n && l->count < l->room; i++)
		if (strncmp(objects[i].key, l->s3->prefix, strlen(l->s3->prefix)) == 0)
			list_take(l, &objects[i]);
	l->more = truncated != 0;
	return S3StatusOK;
}

static void list_start(struct libs3_call *c, S3RequestContext *context)
{
	static const S3ListBucketHandler handler = {{libs3_properties, libs3_complete},
						    list_objects};
	struct listing *l = (struct listing *)c;

	l->count = 0;
	l->more = false;
	snprintf(l->last, sizeof(l->last), "%s", l->marker);
	c->library->list_bucket(&l->s3->bucket, l->s3->prefix, *l->marker ? l->marker : NULL, NULL,
				l->room < LIST_PAGE ? l->room : LIST_PAGE, context, &handler, c);
}

/* A page that says there is more and moves nowhere would go on for ever. */
static struct problem list_page(struct arena *a, struct listing *l)
{
	TRY(libs3_run(a, &l->call));
	if (l->more && strcmp(l->marker, l->last) == 0)
		return problem(a, PROBLEM_INTERNAL,
			       "the artifact store's list does not come to an end");
	memcpy(l->marker, l->last, sizeof(l->marker));
	return NO_PROBLEM;
}

static struct problem s3_list(struct store *s, struct arena *a, const char *after, int room,
			      struct store_entry *entries, int *count)
{
	struct listing *l = arena_alloc(a, sizeof(*l));

	*count = 0;
	*l = (struct listing){.call = call_of(s3_of(s), "list", after),
			      .s3 = s3_of(s),
			      .entries = entries,
			      .room = room,
			      .now = time(NULL)};
	l->call.start = list_start;
	if (*after) {
		TRY(storage_key_check(a, after));
		object_name(l->s3, after, l->marker);
	}
	do {
		TRY(list_page(a, l));
		*count += l->count;
		l->entries += l->count;
		l->room -= l->count;
	} while (l->more && l->room > 0);
	return NO_PROBLEM;
}

/* ---- checking, opening ------------------------------------------------------------ */

static struct problem s3_check(struct store *s, struct arena *a)
{
	struct sending sending = {.call = call_of(s3_of(s), "check", "writable"), .s3 = s3_of(s)};

	sending.call.attempts = 1; /* whoever asks asks again */
	sending.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (sending.fd < 0)
		return scratch_fault(a, s3_of(s)->scratch, errno);
	struct problem p = send_object(a, &sending);
	close(sending.fd);
	return p;
}

static void s3_close(struct store *s)
{
	struct libs3_store *s3 = s3_of(s);

	arena_free(s3->memory);
	free(s3);
}

static const struct store_ops libs3_ops = {
	.put_begin = s3_put_begin,
	.put_write = s3_put_write,
	.put_finish = s3_put_finish,
	.put_abort = s3_put_abort,
	.open = s3_open_blob,
	.size = s3_size,
	.remove = s3_remove,
	.sweep = s3_sweep,
	.list = s3_list,
	.check = s3_check,
	.close = s3_close,
};

static struct problem cannot_use(struct arena *a, const char *location, const char *why)
{
	return problem(a, PROBLEM_INVALID, "the storage location \"%s\" cannot be used: %s",
		       location, why);
}

/* What libs3 could only refuse much later, or not at all. */
static struct problem suits_libs3(struct arena *a, const struct store_options *o,
				  const struct bucket *b, const struct libs3 *l)
{
	if (b->tls && !b->allow_unverified_tls)
		return cannot_use(
			a, o->location,
			"libs3 2.0 does not verify the certificates of https, so anyone on "
			"the way could read and change the artifacts, and it signs requests "
			"with Signature V2 only. Use http within a network you trust, or say "
			"allow_unverified_tls=1");
	if (!o->access_key || !o->secret_key)
		return cannot_use(a, o->location,
				  "it needs credentials: set AWS_ACCESS_KEY_ID and "
				  "AWS_SECRET_ACCESS_KEY");
	if (l->validate_bucket_name(b->name, b->path_style ? S3UriStylePath
							   : S3UriStyleVirtualHost) != S3StatusOK)
		return cannot_use(a, o->location,
				  "libs3 does not take the bucket's name with this addressing");
	if (!o->scratch || access(o->scratch, R_OK | W_OK | X_OK) != 0)
		return cannot_use(a, o->location,
				  "the folder for bytes on their way cannot be written to");
	return NO_PROBLEM;
}

static const char *keep(struct libs3_store *s3, const char *text)
{
	return arena_dup(s3->memory, text, strlen(text));
}

static struct libs3_store *store_new(const struct store_options *o, const struct bucket *b,
				     const struct libs3 *l)
{
	struct libs3_store *s3 = calloc(1, sizeof(*s3));

	if (!s3)
		return NULL;
	s3->memory = arena_new(MEMORY);
	if (!s3->memory) {
		free(s3);
		return NULL;
	}
	s3->store = (struct store){.ops = &libs3_ops, .sendfile = true};
	s3->library = l;
	s3->prefix = keep(s3, b->prefix);
	s3->scratch = keep(s3, o->scratch);
	s3->bucket = (S3BucketContext){.hostName = keep(s3, b->host),
				       .bucketName = keep(s3, b->name),
				       .protocol = b->tls ? S3ProtocolHTTPS : S3ProtocolHTTP,
				       .uriStyle = b->path_style ? S3UriStylePath
								 : S3UriStyleVirtualHost,
				       .accessKeyId = keep(s3, o->access_key),
				       .secretAccessKey = keep(s3, o->secret_key)};
	return s3;
}

struct problem libs3_open(struct arena *a, const struct store_options *o, struct store **out)
{
	const struct libs3 *l;
	struct bucket b;

	TRY(bucket_read(a, o->location, &b));
	TRY(libs3_load(a, &l));
	TRY(suits_libs3(a, o, &b, l));
	struct libs3_store *s3 = store_new(o, &b, l);
	if (!s3)
		return cannot_use(a, o->location, "there is not enough memory");
	struct problem p = s3_check(&s3->store, a);
	if (p.code != PROBLEM_NONE && p.code != PROBLEM_UNAVAILABLE) {
		s3_close(&s3->store);
		return cannot_use(a, o->location, p.detail);
	}
	*out = &s3->store;
	return NO_PROBLEM;
}
