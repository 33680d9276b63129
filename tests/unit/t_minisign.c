#include "base/minisign.h"

#include <sodium.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/unit/run.h"
#include "tests/unit/tap.h"

/* Made by minisign 0.11: `minisign -G -W`, `minisign -S` of a file "hello". */
#define PUBLIC_LINE "RWTD3BFpQbXy75uOkodslEU6ybt/E0VwSHG5Z3DNnynKYan8vK4fXE+Y"
#define PUBLIC_FILE "untrusted comment: minisign public key EFF2B5416911DCC3\n" PUBLIC_LINE "\n"
#define SECRET_FILE                                                                                \
	"untrusted comment: minisign encrypted secret key\n"                                       \
	"RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAw9wRaUG18u9Dwnt+" \
	"Kv8R"                                                                                     \
	"A6X9QpofSJNKU046YAsCgHRcxiTZfAqr55uOkodslEU6ybt/E0VwSHG5Z3DNnynKYan8vK4fXE+YAAAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define TRUSTED_LINE "project:default\tmodel:Mod\xc3\xa8le \xe6\xa8\xa1\xe5\x9e\x8b\tsha256:x"
#define SIGNATURE_LINE                                                                             \
	"RUTD3BFpQbXy73pdcpvlXtyGAGEmBkPzBrmBQRb50QQs73a6iKpZO87gqEJQg/BbnmyYhpHRbrfWgOjMSv4vKDWP" \
	"9ed9sMUnbgo="
#define GLOBAL_LINE                                                                                \
	"zLcelb7WRnaU2GYO22r4pK2a8vbOk7z2w7MrTS8zPHwZcuYUBQGeSiwnK1YstMn6gvGI+ckwbx1sD6+5uZJ1Cg=="
#define SIGNATURE                                                                                  \
	"untrusted comment: signature from minisign secret key\n" SIGNATURE_LINE                   \
	"\ntrusted comment: " TRUSTED_LINE "\n" GLOBAL_LINE "\n"
#define WITH_PASSWORD                                                                              \
	"untrusted comment: minisign encrypted secret key\n"                                       \
	"RWRTY0Iy7UTbuLE/Aa53nNzBVziVKWjFuTvrXTOWLDBfRHQ10ZsAAAACAAAAAAAAAEAAAAAAK/IB3PYB7Z/915zQ" \
	"JL4Jo1KvFfuhhy3W7fjajJUF2dwOKiu4ZB9J3Ho3T4tMmeLKrNIVAqtYtg977aPrfWJ1hOKYF9kjnS2eowdJUgxY" \
	"M/qCA601tya+Y9YD02xyHsCM8Jg5AL6D2EM=\n"
#define LEGACY                                                                                     \
	"untrusted comment: signature from minisign secret key\n"                                  \
	"RWTD3BFpQbXy7w4U9PVDjsv9NYLrx8eYmKaYFvhAncTuo6bgV/HzR4vQDlOnX9xUHFRK9X+hOYHqMA4xVoZ9Zt/a" \
	"/vqC4IIRzw8=\ntrusted comment: legacy\n"                                                  \
	"aVqDgjvC0NzLNZO8PajMENKDusTnYrvc2zMaQ97/t+o2zyTKyPh4H5cDxPoCKSYSxADKUbgJx3zYW7f9cBoeDg==" \
	"\n"

static const char *const bad_publics[] = {
	"",
	"untrusted comment: minisign public key EFF2B5416911DCC3\n",
	"RWTD3BFpQbXy75uOkodslEU6ybt/E0VwSHG5Z3DNnynKYan8vK4fXE+",
	"RUTD3BFpQbXy75uOkodslEU6ybt/E0VwSHG5Z3DNnynKYan8vK4fXE+Y", /* "ED" */
	PUBLIC_LINE "\n" PUBLIC_LINE "\n",
	"a comment\n" PUBLIC_LINE "\n",
	SECRET_FILE,
};

static const char *const bad_signatures[] = {
	"",
	"untrusted comment: x\n",
	"untrusted comment: x\n" SIGNATURE_LINE "\n",
	"untrusted comment: x\n" SIGNATURE_LINE "\ntrusted comment: y\n",
	"untrusted: x\n" SIGNATURE_LINE "\ntrusted comment: y\n" GLOBAL_LINE "\n",
	"untrusted comment: x\n" SIGNATURE_LINE "\ncomment: y\n" GLOBAL_LINE "\n",
	"untrusted comment: x\n" GLOBAL_LINE "\ntrusted comment: y\n" GLOBAL_LINE "\n",
	"untrusted comment: x\n" SIGNATURE_LINE "\ntrusted comment: y\x01\n" GLOBAL_LINE "\n",
	"untrusted comment: x\n" SIGNATURE_LINE "\ntrusted comment: \xff\n" GLOBAL_LINE "\n",
	"untrusted comment: x\n" SIGNATURE_LINE "\ntrusted comment: \xc2\x85\n" GLOBAL_LINE "\n",
	SIGNATURE "\n",
	LEGACY,
};

static struct minisign_public public_of_vector(struct arena *a)
{
	struct minisign_public k = {{0}, {0}};
	struct problem p = minisign_public_read(a, PUBLIC_FILE, strlen(PUBLIC_FILE), &k);

	is_int(p.code, PROBLEM_NONE, "minisign's public key file is read");
	return k;
}

static void public_keys(struct arena *a)
{
	const struct minisign_public k = public_of_vector(a);
	struct minisign_public again;
	unsigned char bytes[MINISIGN_PUBLIC_BYTES], id[MINISIGN_ID_BYTES];
	char text[MINISIGN_ID_TEXT];

	minisign_id_text(k.id, text);
	is_str(text, "EFF2B5416911DCC3", "the id is written as minisign writes it");
	ok(minisign_id_read(text, 16, id) && memcmp(id, k.id, 8) == 0, "and read again");
	ok(!minisign_id_read("eff2b5416911dcc3", 16, id), "an id in lower case is refused");
	ok(!minisign_id_read("EFF2B5416911DCC", 15, id), "a short id is refused");
	is_str(minisign_public_file(a, &k), PUBLIC_FILE, "the file is written as minisign does");
	minisign_public_bytes(&k, bytes);
	ok(minisign_public_from_bytes(bytes, sizeof(bytes), &again) &&
		   memcmp(&k, &again, sizeof(k)) == 0,
	   "the 42 bytes go both ways");
	ok(!minisign_public_from_bytes(bytes, 41, &again), "41 bytes are refused");
	ok(minisign_public_read(a, PUBLIC_LINE, strlen(PUBLIC_LINE), &again).code == PROBLEM_NONE &&
		   memcmp(&k, &again, sizeof(k)) == 0,
	   "the line alone is read");
	for (size_t i = 0; i < sizeof(bad_publics) / sizeof(*bad_publics); i++)
		is_int(minisign_public_read(a, bad_publics[i], strlen(bad_publics[i]), &again).code,
		       PROBLEM_INVALID, "public key %zu is refused", i);
}

/* RFC 8410, section 10.1 */
static void pem(struct arena *a)
{
	struct minisign_public k = {{0}, {0}};

	hex_read(k.key, 32, "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1", 64);
	is_str(minisign_public_pem(a, &k),
	       "-----BEGIN PUBLIC KEY-----\n"
	       "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
	       "-----END PUBLIC KEY-----\n",
	       "a key as PEM is the RFC's");
}

static void refuses_secret(struct arena *a, const char *text, const char *word, const char *what)
{
	struct minisign_secret k;
	struct problem p = minisign_secret_read(a, text, strlen(text), &k);

	ok(p.code == PROBLEM_INVALID && strstr(p.detail, word), "%s is refused: %s", what,
	   p.detail ? p.detail : "it was not");
}

static void secret_keys(struct arena *a)
{
	const struct minisign_public want = public_of_vector(a);
	struct minisign_secret k, again;
	struct minisign_public public;
	char text[MINISIGN_SECRET_FILE];

	is_int(minisign_secret_read(a, SECRET_FILE, strlen(SECRET_FILE), &k).code, PROBLEM_NONE,
	       "a secret key of minisign without password is read");
	minisign_public_of(&k, &public);
	ok(memcmp(&public, &want, sizeof(want)) == 0, "its public half is the right one");
	minisign_secret_file(&k, text);
	is_int(minisign_secret_read(a, text, strlen(text), &again).code, PROBLEM_NONE,
	       "a secret key is read as it was written");
	ok(memcmp(&k, &again, sizeof(k)) == 0, "and is the same");

	refuses_secret(a, WITH_PASSWORD, "minisign -C -W", "a key with a password");
	refuses_secret(a, PUBLIC_FILE, "212", "a public key");
	refuses_secret(a, "", "212", "an empty file");
	char *line = strchr(text, '\n') + 1;
	line[100] = line[100] == 'A' ? 'B' : 'A'; /* inside the key */
	refuses_secret(a, text, "damaged", "a key with one character changed");

	minisign_secret_new(&k);
	minisign_secret_new(&again);
	ok(memcmp(k.id, again.id, 8) != 0 && memcmp(k.key, again.key, 64) != 0,
	   "two new keys differ");
}

static void signatures(struct arena *a)
{
	const struct minisign_public k = public_of_vector(a);
	unsigned char hello[BLAKE2B_BYTES], other[BLAKE2B_BYTES];
	const char *trusted = NULL, *text = NULL;
	struct minisign_secret secret;
	struct problem p;

	blake2b_of("hello", 5, hello);
	blake2b_of("hellp", 5, other);
	p = minisign_verify(a, &k, hello, SIGNATURE, strlen(SIGNATURE), &trusted);
	is_int(p.code, PROBLEM_NONE, "minisign's signature holds");
	is_str(trusted, TRUSTED_LINE, "its trusted comment comes out");
	p = minisign_verify(a, &k, other, SIGNATURE, strlen(SIGNATURE), &trusted);
	is_int(p.code, PROBLEM_DIGEST_MISMATCH, "it does not hold for other bytes");

	p = minisign_secret_read(a, SECRET_FILE, strlen(SECRET_FILE), &secret);
	is_int(p.code, PROBLEM_NONE, "the secret key is read");
	p = minisign_sign(a, &secret, hello, "signature from minisign secret key", TRUSTED_LINE,
			  &text);
	is_int(p.code, PROBLEM_NONE, "it signs");
	is_str(text, SIGNATURE, "what is signed here is what minisign wrote, byte for byte");
	for (size_t i = 0; i < sizeof(bad_signatures) / sizeof(*bad_signatures); i++)
		is_int(minisign_verify(a, &k, hello, bad_signatures[i], strlen(bad_signatures[i]),
				       &trusted)
			       .code,
		       PROBLEM_INVALID, "signature %zu is refused", i);
	is_int(minisign_sign(a, &secret, hello, "u", "two\nlines", &text).code, PROBLEM_INVALID,
	       "a trusted comment of two lines is not signed");
	is_int(minisign_sign(a, &secret, hello, "two\nlines", "t", &text).code, PROBLEM_INVALID,
	       "an untrusted comment of two lines is not signed");
	char *long_comment = arena_alloc(a, MINISIGN_COMMENT_MAX + 2);
	memset(long_comment, 'x', MINISIGN_COMMENT_MAX + 1);
	is_int(minisign_sign(a, &secret, hello, "u", long_comment, &text).code, PROBLEM_INVALID,
	       "a trusted comment over the limit is not signed");
}

/* Whichever character of a signature is changed, it does not hold any more, but for
 * the untrusted comment. */
static void every_character_counts(struct arena *a)
{
	const struct minisign_public k = public_of_vector(a);
	const char *second_line = strchr(SIGNATURE, '\n') + 1, *trusted;
	size_t len = strlen(SIGNATURE), accepted = 0;
	unsigned char hello[BLAKE2B_BYTES];

	blake2b_of("hello", 5, hello);
	for (size_t i = (size_t)(second_line - SIGNATURE); i < len - 1; i++) {
		char *changed = arena_dup(a, SIGNATURE, len);

		changed[i] ^= 1;
		accepted +=
			minisign_verify(a, &k, hello, changed, len, &trusted).code == PROBLEM_NONE;
	}
	is_int(accepted, 0, "no changed character goes unnoticed");
}

static void stock_minisign_agrees(struct arena *a)
{
	char dir[] = "/tmp/hallmark-minisign-XXXXXX", secret_text[MINISIGN_SECRET_FILE];
	unsigned char digest[BLAKE2B_BYTES];
	struct minisign_secret secret;
	struct minisign_public k;
	const char *text;

	if (!ok(mkdtemp(dir) && chdir(dir) == 0, "a folder for the files"))
		return;
	minisign_secret_new(&secret);
	minisign_public_of(&secret, &k);
	minisign_secret_file(&secret, secret_text);
	blake2b_of("weights", 7, digest);
	struct problem p =
		minisign_sign(a, &secret, digest, "u", "model:\xe6\xa8\xa1 x\ty:z", &text);
	is_int(p.code, PROBLEM_NONE, "a signature is made");
	write_file("data", "weights", 7);
	write_file("data.minisig", text, strlen(text));
	write_file("key.pub", minisign_public_file(a, &k), strlen(minisign_public_file(a, &k)));
	write_file("key.pem", minisign_public_pem(a, &k), strlen(minisign_public_pem(a, &k)));
	write_file("secret.key", secret_text, strlen(secret_text));

	is_int(RUN("minisign", "-V", "-H", "-m", "data", "-p", "key.pub"), 0,
	       "minisign accepts our signature");
	is_int(RUN("openssl", "pkey", "-pubin", "-in", "key.pem", "-noout"), 0,
	       "openssl reads our PEM");
	is_int(RUN("minisign", "-S", "-m", "data", "-s", "secret.key", "-x", "theirs.minisig", "-t",
		   "theirs"),
	       0, "minisign signs with our secret key file");
	size_t len;
	char *theirs = read_file("theirs.minisig", &len);
	const char *trusted = NULL;
	p = minisign_verify(a, &k, digest, theirs ? theirs : "", len, &trusted);
	is_int(p.code, PROBLEM_NONE, "and its signature holds");
	is_str(trusted, "theirs", "with its comment");
	free(theirs);
	write_file("data", "weightz", 7);
	is_int(RUN("minisign", "-V", "-m", "data", "-p", "key.pub"), 1,
	       "minisign refuses our signature for other bytes");
	is_int(RUN("rm", "-r", dir), 0, "the folder is gone");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	struct arena *a = arena_new(8 << 20);

	public_keys(a);
	pem(a);
	secret_keys(a);
	signatures(a);
	every_character_counts(a);
	stock_minisign_agrees(a);
	arena_free(a);
	return tap_done();
}
