/* What every kind of store must do, asked of each; then what only libs3's can get wrong. */
#include "storage/store.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/timestamp.h"
#include "storage/bucket.h"
#include "tests/unit/gateway.h"
#include "tests/unit/own_folder.h"
#include "tests/unit/s3_server.h"
#include "tests/unit/tap.h"

#define MIB ((size_t)1024 * 1024)
enum { BYTES = 3 * 1024 * 1024 + 17 };

static struct arena *arena;
static struct store *store;
static const char *driver; /* the one asked at the moment */
static char root[OWN_FOLDER];
static unsigned char *bytes;
static struct s3_server server;
static struct gateway *gateway;

/* ---- what is used over and over --------------------------------------------------- */

static struct problem put_in(struct arena *a, const void *data, size_t len, int64_t announced,
			     char key[STORAGE_KEY])
{
	unsigned char sha256[SHA256_BYTES];
	struct store_put *p;

	sha256_of(data, len, sha256);
	TRY(store->ops->put_begin(store, a, announced, &p));
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < MIB ? len - at : MIB;
		struct problem wrong = store->ops->put_write(p, a, (const char *)data + at, n);
		if (wrong.code != PROBLEM_NONE) {
			store->ops->put_abort(p);
			return wrong;
		}
	}
	return store->ops->put_finish(p, a, sha256, key);
}

static struct problem put(const void *data, size_t len, char key[STORAGE_KEY])
{
	return put_in(arena, data, len, (int64_t)len, key);
}

static bool holds_in(struct arena *a, const char *key, const void *data, size_t len)
{
	unsigned char *got = arena_bytes(a, len + 1);
	int64_t size = -1;
	int fd = -1;
	size_t have = 0;

	if (store->ops->open(store, a, key, &fd, &size).code != PROBLEM_NONE)
		return false;
	for (ssize_t n; (n = read(fd, got + have, len + 1 - have)) > 0;)
		have += (size_t)n;
	close(fd);
	return size == (int64_t)len && have == len && memcmp(got, data, len) == 0;
}

static bool holds(const char *key, const void *data, size_t len)
{
	return holds_in(arena, key, data, len);
}

static enum problem_code open_code(const char *key)
{
	int64_t size;
	int fd = -1;
	enum problem_code code = store->ops->open(store, arena, key, &fd, &size).code;

	if (code == PROBLEM_NONE)
		close(fd);
	return code;
}

static enum problem_code remove_key(const char *key)
{
	return store->ops->remove(store, arena, key).code;
}

static int stored(void)
{
	struct store_entry entries[100];
	int count = -1;

	return store->ops->list(store, arena, "", 100, entries, &count).code == PROBLEM_NONE ? count
											     : -1;
}

static void is_problem(struct problem p, enum problem_code code, const char *what)
{
	is_str(problem_kinds[p.code].type, problem_kinds[code].type, "%s: %s", driver, what);
}

/* ---- every driver ----------------------------------------------------------------- */

static void what_is_put_can_be_opened_until_it_is_removed(void)
{
	static const size_t sizes[] = {0, 1, 4097, BYTES};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char key[STORAGE_KEY], again[STORAGE_KEY];
		int64_t size = -1;

		is_problem(put(bytes, sizes[i], key), PROBLEM_NONE,
			   arena_printf(arena, "put %zu bytes", sizes[i]));
		ok(holds(key, bytes, sizes[i]), "%s: they come back", driver);
		is_problem(store->ops->size(store, arena, key, &size), PROBLEM_NONE, "their size");
		is_int(size, (int64_t)sizes[i], "is known without them");
		is_problem(put(bytes, sizes[i], again), PROBLEM_NONE, "the same bytes again");
		ok(strcmp(key, again) != 0 && memcmp(key, again, 65) == 0,
		   "get a key of their own");
		is_int(remove_key(key), PROBLEM_NONE, "removed");
		is_int(open_code(key), PROBLEM_NOT_FOUND, "no longer there");
		is_problem(store->ops->size(store, arena, key, &size), PROBLEM_NOT_FOUND,
			   "nor is their size");
		ok(holds(again, bytes, sizes[i]), "the other one is");
		is_int(remove_key(key), PROBLEM_NONE, "removing twice is no problem");
		is_int(remove_key(again), PROBLEM_NONE, "removed too");
	}
	is_int(stored(), 0, "%s: nothing is left over", driver);
}

static void an_upload_may_be_of_unknown_length_and_may_end_early(void)
{
	struct store_put *p;
	char key[STORAGE_KEY];
	int64_t removed = -1;

	is_problem(put_in(arena, bytes, BYTES, -1, key), PROBLEM_NONE, "not announced");
	ok(holds(key, bytes, BYTES), "all of it is there");
	remove_key(key);
	is_problem(store->ops->put_begin(store, arena, -1, &p), PROBLEM_NONE, "another");
	is_problem(store->ops->put_write(p, arena, bytes, 1000), PROBLEM_NONE, "begins");
	is_problem(store->ops->sweep(store, arena, &removed), PROBLEM_NONE, "a sweep meanwhile");
	is_int(removed, 0, "takes nothing that lives");
	store->ops->put_abort(p);
	is_int(stored(), 0, "%s: what was aborted leaves nothing", driver);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX32 "0123456789abcdef0123456789abcdef"

static void a_key_of_another_shape_is_refused_by_all(void)
{
	static const char *const keys[] = {"",
					   "../../etc/passwd",
					   HEX64,
					   HEX64 "." HEX32 "0",
					   HEX64 "/" HEX32,
					   "writable",
					   HEX64 ".0123456789abcdef0123456789ABCDEF"};
	struct store_entry entry;
	int64_t size;
	int count;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		is_int(open_code(keys[i]), PROBLEM_INTERNAL, "open of \"%s\"", keys[i]);
		is_problem(store->ops->size(store, arena, keys[i], &size), PROBLEM_INTERNAL,
			   "size of it");
		is_int(remove_key(keys[i]), PROBLEM_INTERNAL, "remove of it");
		if (*keys[i])
			is_problem(store->ops->list(store, arena, keys[i], 1, &entry, &count),
				   PROBLEM_INTERNAL, "list after it");
	}
	is_int(open_code(HEX64 "." HEX32), PROBLEM_NOT_FOUND, "a good one that nobody has");
}

enum { LISTED = 23, PAGE = 5 };

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

	for (int i = 0; i < LISTED; i++)
		wrong += put(bytes + i / 4, 100 + (size_t)(i / 4), keys[i]).code != PROBLEM_NONE;
	qsort(keys, LISTED, STORAGE_KEY, by_text);
	while (count == PAGE && seen <= LISTED) {
		if (store->ops->list(store, arena, after, PAGE, page, &count).code != PROBLEM_NONE)
			break;
		for (int i = 0; i < count; i++, seen++)
			wrong += seen >= LISTED || strcmp(page[i].key, keys[seen]) != 0 ||
				 page[i].size < 100 || page[i].age < 0 || page[i].age > 60;
		after = count ? arena_dup(arena, page[count - 1].key, STORAGE_KEY - 1) : after;
	}
	is_int(seen, LISTED, "%s: twenty-three in pages of five", driver);
	is_int(wrong, 0, "in order, with size and age");
	for (int i = 0; i < LISTED; i++)
		remove_key(keys[i]);
	is_int(stored(), 0, "removed again");
}

static atomic_int threads_failed;

static void *use_it(void *of_mine)
{
	struct arena *a = arena_new(64 * MIB);
	const unsigned char *mine = of_mine;

	for (size_t i = 0; i < 8; i++) {
		char key[STORAGE_KEY];

		if (put_in(a, mine, 100000 + i, -1, key).code != PROBLEM_NONE ||
		    !holds_in(a, key, mine, 100000 + i) ||
		    store->ops->remove(store, a, key).code != PROBLEM_NONE)
			atomic_fetch_add(&threads_failed, 1);
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

static void any_number_of_threads_may_use_it(void)
{
	pthread_t threads[4];

	atomic_store(&threads_failed, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, use_it, bytes + 1000 * (size_t)i);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	is_int(threads_failed, 0, "%s: four threads, eight times each", driver);
	is_int(stored(), 0, "nothing is left");
}

static void every_driver(const char *name)
{
	driver = name;
	is_problem(store->ops->check(store, arena), PROBLEM_NONE, "it can be written to");
	what_is_put_can_be_opened_until_it_is_removed();
	an_upload_may_be_of_unknown_length_and_may_end_early();
	a_key_of_another_shape_is_refused_by_all();
	a_list_names_every_blob_once_in_order();
	any_number_of_threads_may_use_it();
}

/* ---- buckets ---------------------------------------------------------------------- */

#define E "endpoint=http://h:9000"

static void a_bucket_is_read_strictly(void)
{
	static const struct {
		const char *location, *name, *prefix, *host;
		bool tls, path_style;
	} good[] = {
		{"s3://models?" E, "models", "", "h:9000", false, true},
		{"s3://models/?" E, "models", "", "h:9000", false, true},
		{"s3://models/a/b?" E, "models", "a/b/", "h:9000", false, true},
		{"s3://models/a/b/?" E, "models", "a/b/", "h:9000", false, true},
		{"s3://models?addressing=virtual&endpoint=https://s3.example", "models", "",
		 "s3.example", true, false},
		{"s3://m-1?endpoint=http%3A%2F%2F[::1]:9000&addressing=path", "m-1", "",
		 "[::1]:9000", false, true},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct bucket b;

		driver = good[i].location;
		is_problem(bucket_read(arena, good[i].location, &b), PROBLEM_NONE, "is read");
		is_str(b.name, good[i].name, "its bucket");
		is_str(b.prefix, good[i].prefix, "its prefix");
		is_str(b.host, good[i].host, "its host");
		ok(b.tls == good[i].tls && b.path_style == good[i].path_style, "the rest");
	}
}

static void a_broken_bucket_says_what_would_be_right(void)
{
	static const struct {
		const char *location, *why;
	} bad[] = {
		{"s3:", "does not begin with s3://"},
		{"s3://?" E, "has no bucket"},
		{"s3://ab?" E, "has no bucket"},
		{"s3://Models?" E, "has no bucket"},
		{"s3://a..b?" E, "has no bucket"},
		{"s3://-ab?" E, "has no bucket"},
		{"s3://key:secret@models?" E, "has no bucket"},
		{"s3://models", "names no endpoint"},
		{"s3://models?addressing=path", "names no endpoint"},
		{"s3://models/a//b?" E, "\"..\" part"},
		{"s3://models//a?" E, "\"..\" part"},
		{"s3://models/../a?" E, "\"..\" part"},
		{"s3://models/.?" E, "\"..\" part"},
		{"s3://models/a%20b?" E, "other characters"},
		{"s3://models?endpoint=h:9000", "not http(s)://"},
		{"s3://models?endpoint=ftp://h", "not http(s)://"},
		{"s3://models?endpoint=http://", "not http(s)://"},
		{"s3://models?endpoint=http://h:", "not http(s)://"},
		{"s3://models?endpoint=http://h:9a", "not http(s)://"},
		{"s3://models?endpoint=http://h/path", "not http(s)://"},
		{"s3://models?endpoint=http://u@h", "not http(s)://"},
		{"s3://models?endpoint=http://[::1", "not http(s)://"},
		{"s3://models?endpoint=http://h%0d%0a", "not http(s)://"},
		{"s3://models?endpoint=http://h%00", "no proper value of endpoint"},
		{"s3://models?endpoint", "no proper value of endpoint"},
		{"s3://models?" E "&" E, "endpoint more than once"},
		{"s3://models?" E "&region=eu", "unknown parameter \"region\""},
		{"s3://models?" E "&", "unknown parameter \"\""},
		{"s3://models?" E "&addressing=host", "neither path nor virtual"},
		{"s3://models?" E "&allow_unverified_tls=yes", "neither 1 nor 0"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bucket b;
		struct problem p = bucket_read(arena, bad[i].location, &b);

		ok(p.code == PROBLEM_INVALID && strstr(p.detail, bad[i].why) &&
			   strstr(p.detail, "s3://bucket/prefix?endpoint="),
		   "\"%s\" %s", bad[i].location, bad[i].why);
		if (p.code == PROBLEM_NONE || !strstr(p.detail, bad[i].why))
			printf("# %s\n", p.code ? p.detail : "it was accepted");
	}
}

/* ---- libs3 alone ------------------------------------------------------------------ */

static struct store_options libs3_options(const char *location)
{
	return (struct store_options){.location = location,
				      .driver = STORE_LIBS3,
				      .scratch = root,
				      .access_key = "someone",
				      .secret_key = "a secret of someone"};
}

static void what_libs3_cannot_do_well_is_refused_with_the_reason(void)
{
	static const struct {
		const char *location, *access_key;
		enum store_driver driver;
		const char *why;
	} cases[] = {
		{"s3://models?" E, "k", STORE_AUTO, "storage_driver = libs3"},
		{"/srv/hallmark", "k", STORE_LIBS3, "is not an object store"},
		{"s3://models?endpoint=https://h", "k", STORE_LIBS3, "does not verify"},
		{"s3://models?endpoint=https://h", "k", STORE_LIBS3, "Signature V2"},
		{"s3://models?endpoint=https://h", "k", STORE_LIBS3, "allow_unverified_tls=1"},
		{"s3://models?" E, NULL, STORE_LIBS3, "AWS_ACCESS_KEY_ID"},
	};
	struct store *s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_options o = libs3_options(cases[i].location);

		o.driver = cases[i].driver;
		o.access_key = cases[i].access_key;
		struct problem p = store_open(arena, &o, &s);
		ok(p.code == PROBLEM_INVALID && strstr(p.detail, cases[i].why), "%s: %s",
		   cases[i].location, cases[i].why);
	}
	struct store_options o = libs3_options("s3://models?" E);
	o.scratch = "/no/such/folder";
	struct problem p = store_open(arena, &o, &s);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "on their way"), "%s", p.detail);
}

static const char *answer_of(const char *status, const char *code)
{
	const char *body = code ? arena_printf(arena,
					       "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code>"
					       "<Message>As told.</Message></Error>",
					       code)
				: "";

	return arena_printf(arena,
			    "HTTP/1.1 %s\r\nContent-Type: application/xml\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			    status, strlen(body), body);
}

/* What the store says, how often it must be asked, and what that means for a client. */
static void an_answer_means_what_it_means(void)
{
	static const struct {
		const char *status, *code;
		int attempts;
		enum problem_code means;
	} cases[] = {
		{"503 Slow Down", "SlowDown", 4, PROBLEM_UNAVAILABLE},
		{"503 Service Unavailable", "ServiceUnavailable", 4, PROBLEM_UNAVAILABLE},
		{"500 Internal Server Error", "InternalError", 4, PROBLEM_UNAVAILABLE},
		{"502 Bad Gateway", NULL, 4, PROBLEM_UNAVAILABLE},
		{"400 Bad Request", "BadDigest", 4, PROBLEM_UNAVAILABLE},
		{"403 Forbidden", "AccessDenied", 1, PROBLEM_INTERNAL},
		{"403 Forbidden", "SignatureDoesNotMatch", 1, PROBLEM_INTERNAL},
		{"403 Forbidden", "RequestTimeTooSkewed", 1, PROBLEM_INTERNAL},
		{"403 Forbidden", NULL, 1, PROBLEM_INTERNAL},
		{"404 Not Found", "NoSuchBucket", 1, PROBLEM_INTERNAL},
		{"400 Bad Request", "EntityTooLarge", 1, PROBLEM_TOO_LARGE},
		{"400 Bad Request", "InvalidArgument", 1, PROBLEM_INTERNAL},
	};
	char key[STORAGE_KEY];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *what = cases[i].code ? cases[i].code : cases[i].status;
		const int before = gateway_connections(gateway);

		gateway_answer(gateway, 100, answer_of(cases[i].status, cases[i].code));
		is_problem(put(bytes, 100, key), cases[i].means, what);
		is_int(gateway_connections(gateway) - before, cases[i].attempts,
		       "after so many attempts");
	}
	gateway_calm(gateway);
	is_int(stored(), 0, "nothing was stored");
}

static void what_passes_is_waited_for(void)
{
	char key[STORAGE_KEY];

	gateway_answer(gateway, 2, answer_of("503 Slow Down", "SlowDown"));
	const int64_t began = monotonic_us();
	is_problem(put(bytes, BYTES, key), PROBLEM_NONE, "the third attempt to put succeeds");
	ok(monotonic_us() - began >= 150000, "after pauses of 50 and 100 ms at least");
	gateway_answer(gateway, 1, answer_of("500 Internal Server Error", "InternalError"));
	ok(holds(key, bytes, BYTES), "the second attempt to open brings every byte");
	gateway_answer(gateway, 1, answer_of("503 Slow Down", "SlowDown"));
	is_int(stored(), 1, "the second attempt to list names it");
	gateway_answer(gateway, 1, answer_of("502 Bad Gateway", NULL));
	is_int(remove_key(key), PROBLEM_NONE, "the second attempt to remove");
	is_int(stored(), 0, "removed it");
}

/* libs3 itself takes such an answer for a whole one. */
static void an_answer_that_is_cut_short_is_no_answer(void)
{
	char key[STORAGE_KEY];
	int64_t size;

	put(bytes, BYTES, key);
	gateway_cut(gateway, 2, 1000000);
	ok(holds(key, bytes, BYTES), "cut twice, the third brings every byte");
	gateway_cut(gateway, 100, 1000000);
	is_int(open_code(key), PROBLEM_UNAVAILABLE, "cut every time there is nothing to serve");
	gateway_cut(gateway, 100, 20);
	is_int(open_code(key), PROBLEM_UNAVAILABLE, "nor when cut within its head");
	is_problem(store->ops->size(store, arena, key, &size), PROBLEM_UNAVAILABLE,
		   "nor is a size then");
	is_int(put(bytes, 10, (char[STORAGE_KEY]){0}).code, PROBLEM_UNAVAILABLE,
	       "an upload without an answer is none");
	gateway_calm(gateway);
	ok(holds(key, bytes, BYTES), "afterwards all is as it was");
}

static void remove_all(void)
{
	struct store_entry entries[100];
	int count = 0;

	(void)!store->ops->list(store, arena, "", 100, entries, &count).code;
	for (int i = 0; i < count; i++)
		remove_key(entries[i].key);
}

static void requests_say_who_asks_and_what_the_bytes_are(void)
{
	struct store *before = store;
	struct store_options o = libs3_options(
		arena_printf(arena, "s3://bucket/v?addressing=virtual&endpoint=http://localhost:%d",
			     gateway_port(gateway)));
	char key[STORAGE_KEY];

	gateway_answer(gateway, 100, answer_of("400 Bad Request", "EntityTooLarge"));
	is_problem(put("hello", 5, key), PROBLEM_TOO_LARGE, "a put that is listened to");
	const char *heard = gateway_heard(gateway);
	ok(strncmp(heard, "PUT /bucket/some/where/2cf24dba5fb0a30e", 39) == 0, "its path");
	ok(strstr(heard, "\r\nAuthorization: AWS someone:") != NULL, "its signature");
	ok(strstr(heard, "\r\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n") != NULL, "its MD5");
	ok(!strstr(heard, "a secret of someone"), "never the secret");
	gateway_calm(gateway);
	gateway_answer(gateway, 1, answer_of("503 Slow Down", "SlowDown"));
	is_problem(store_open(arena, &o, &store), PROBLEM_NONE, "virtual addressing");
	heard = gateway_heard(gateway);
	ok(strncmp(heard, "PUT /v/writable", 15) == 0 &&
		   strstr(heard, "\r\nHost: bucket.localhost"),
	   "names the bucket before the host");
	store->ops->close(store);
	store = before;
}

static void what_is_not_ours_in_the_bucket_is_not_listed(void)
{
	char key[STORAGE_KEY];

	ok(s3_server_put(&server, "bucket/some/where/0000", "x") &&
		   s3_server_put(&server, "bucket/some/where/zzz", "x") &&
		   s3_server_put(&server, "bucket/some/where-else/" HEX64 "." HEX32, "x") &&
		   s3_server_put(&server, "bucket/some/where/sub/" HEX64 "." HEX32, "x"),
	   "objects of somebody else");
	put(bytes, 10, key);
	is_int(stored(), 1, "only ours");
	is_int(remove_key(key), PROBLEM_NONE, "removed");
}

/* libs3 takes the UTC of a list for local time. */
static void an_age_does_not_depend_on_the_time_zone(void)
{
	static const char *const zones[] = {"UTC0", "JST-9", "EST5EDT,M3.2.0,M11.1.0"};
	struct store_entry entry;
	char key[STORAGE_KEY];
	int count;

	put(bytes, 10, key);
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		is_problem(store->ops->list(store, arena, "", 1, &entry, &count), PROBLEM_NONE,
			   zones[i]);
		ok(entry.age >= 0 && entry.age < 60, "%lld seconds old", (long long)entry.age);
		sleep(i == 0); /* so that an age of 0 is not one cut off below */
	}
	ok(entry.age >= 1, "it has grown older");
	unsetenv("TZ");
	tzset();
	is_int(remove_key(key), PROBLEM_NONE, "removed");
}

static void a_file_beyond_one_put_is_refused_at_once(void)
{
	struct store_put *p;

	is_problem(store->ops->put_begin(store, arena, ((int64_t)5 << 30) + 1, &p),
		   PROBLEM_TOO_LARGE, "5 GiB and one byte");
}

static void a_store_that_is_away_is_said_to_be_away(void)
{
	struct store_options o = libs3_options(
		arena_printf(arena, "s3://bucket/x?endpoint=http://127.0.0.1:%d", server.port));
	struct store *late;
	char key[STORAGE_KEY];

	s3_server_stop(&server);
	const int64_t began = monotonic_us();
	is_problem(put(bytes, 10, key), PROBLEM_UNAVAILABLE, "put");
	ok(monotonic_us() - began < 5000000, "within seconds");
	is_int(open_code(HEX64 "." HEX32), PROBLEM_UNAVAILABLE, "open");
	is_int(remove_key(HEX64 "." HEX32), PROBLEM_UNAVAILABLE, "remove");
	is_int(stored(), -1, "list");
	is_problem(store->ops->check(store, arena), PROBLEM_UNAVAILABLE, "check");
	is_problem(store_open(arena, &o, &late), PROBLEM_NONE, "a service can start all the same");
	late->ops->close(late);
}

static void libs3_alone(void)
{
	an_answer_means_what_it_means();
	what_passes_is_waited_for();
	an_answer_that_is_cut_short_is_no_answer();
	remove_all();
	requests_say_who_asks_and_what_the_bytes_are();
	what_is_not_ours_in_the_bucket_is_not_listed();
	an_age_does_not_depend_on_the_time_zone();
	a_file_beyond_one_put_is_refused_at_once();
	a_store_that_is_away_is_said_to_be_away();
}

static void libs3(void)
{
	if (!s3_server_start(&server, "bucket")) {
		ok(true, "libs3 # SKIP moto does not run here; tools/setup.sh test installs it");
		return;
	}
	gateway = gateway_new(server.port);
	struct store_options o = libs3_options(
		arena_printf(arena, "s3://bucket/some/where?endpoint=http://127.0.0.1:%d",
			     gateway_port(gateway)));
	is_problem(store_open(arena, &o, &store), PROBLEM_NONE, "opened");
	ok(store->sendfile, "what it opens is a local file");
	every_driver("libs3");
	libs3_alone();
	store->ops->close(store);
	gateway_answer(gateway, 1, answer_of("403 Forbidden", "InvalidAccessKeyId"));
	struct problem p = store_open(arena, &o, &store);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "not allowed"),
	   "credentials that are refused are so at once: %s", p.code ? p.detail : "");
	gateway_free(gateway);
}

static void folder(void)
{
	const char *path = arena_printf(arena, "%s/store", root);

	is_problem(store_open(arena, &(struct store_options){.location = path}, &store),
		   PROBLEM_NONE, "opened");
	every_driver("folder");
	store->ops->close(store);
	is_int(own_folder_remove(path), 0, "no file was left");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!own_folder_make(root, "t_store"))
		return 1;
	if (!freopen("/dev/null", "w", stderr)) /* the faults are logged, as they should be */
		return 1;
	arena = arena_new(512 * MIB);
	bytes = sample_bytes(BYTES);
	driver = "store";
	folder();
	a_bucket_is_read_strictly();
	a_broken_bucket_says_what_would_be_right();
	driver = "libs3";
	what_libs3_cannot_do_well_is_refused_with_the_reason();
	libs3();
	is_int(own_folder_remove(root), 0, "bytes on their way leave no file behind");
	s3_server_stop(&server);
	free(bytes);
	arena_free(arena);
	return tap_done();
}
