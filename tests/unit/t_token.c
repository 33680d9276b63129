#include "registry/token.h"

#include <ctype.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "registry/secret.h"
#include "tests/unit/tap.h"

static struct arena *arena;
static char folder[] = "/tmp/t_token.XXXXXX";

static const char *in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static void tokens(void)
{
	struct token made, read;

	token_make(TOKEN_ACCESS, &made);
	is_int(strlen(made.text), TOKEN_LEN, "a token has its length");
	is_int(strncmp(made.text, "hmk_pat_", 8), 0, "a token has its typed prefix");
	is_int(strlen(made.id), TOKEN_ID, "an id has its length");
	ok(token_read(made.text, TOKEN_LEN, &read), "what was made can be read");
	is_str(read.id, made.id, "the id is the same");
	is_str(read.text, made.text, "the text is the same");
	ok(!token_read(made.text, TOKEN_LEN - 1, &read), "one character less is none");

	int wrong = 0;
	for (int i = 0; i < TOKEN_LEN; i++) {
		char text[TOKEN_LEN + 1];

		memcpy(text, made.text, sizeof(text));
		text[i] = isalnum((unsigned char)text[i]) && text[i] != 'x' ? 'x' : 'y';
		wrong += token_read(text, TOKEN_LEN, &read);
		text[i] = '\0';
		wrong += token_read(text, TOKEN_LEN, &read);
	}
	is_int(wrong, 0, "no token with one character changed is taken");
	/* the checksum by another implementation, Python's zlib.crc32 */
	ok(token_read("hmk_pat_0123456789AB_abcdefghijklmnopqrstuvwxyz01232ex8M4", TOKEN_LEN,
		      &read),
	   "a known token is read");
}

static void hashes(void)
{
	struct token a, b;
	unsigned char key[TOKEN_KEY] = {1}, other[TOKEN_KEY] = {2};
	unsigned char ha[TOKEN_HASH], hb[TOKEN_HASH];

	token_make(TOKEN_ACCESS, &a);
	token_make(TOKEN_ACCESS, &b);
	token_hash(&a, key, ha);
	token_hash(&a, key, hb);
	ok(token_same(ha, hb), "a token has one hash under one key");
	token_hash(&a, other, hb);
	ok(!token_same(ha, hb), "and another under another key");
	token_hash(&b, key, hb);
	ok(!token_same(ha, hb), "another token has another hash");
}

static enum problem_code read_file(const char *text, size_t len, mode_t mode, struct secret *out)
{
	const char *path = in_folder("given");

	unlink(path);
	if (durable_create(arena, path, text, len).code || chmod(path, mode) != 0)
		return PROBLEM_INTERNAL;
	return secret_read(arena, path, out).code;
}

static void secret_files(void)
{
	static const char hex[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	struct secret s, raw;

	is_int(read_file(hex, 65, 0600, &s), PROBLEM_NONE, "64 digits and a newline");
	is_int(read_file(hex, 64, 0400, &s), PROBLEM_NONE, "64 digits");
	for (int i = 0; i < SECRET_BYTES; i++)
		raw.bytes[i] = (unsigned char)i;
	ok(memcmp(&s, &raw, sizeof(s)) == 0, "the digits are decoded");
	is_int(read_file((char *)raw.bytes, 32, 0600, &s), PROBLEM_NONE, "32 raw bytes");
	is_int(read_file(hex, 63, 0600, &s), PROBLEM_INVALID, "63 digits are none");
	is_int(read_file(hex, 0, 0600, &s), PROBLEM_INVALID, "an empty file is none");
	is_int(read_file("x", 1, 0600, &s), PROBLEM_INVALID, "one byte is none");
	is_int(read_file(hex, 65, 0604, &s), PROBLEM_INVALID, "others may not read it");
	is_int(read_file(hex, 65, 0640, &s), PROBLEM_INVALID, "nor may the group of our own file");
	is_int(secret_read(arena, in_folder("none"), &s).code, PROBLEM_NOT_FOUND, "no file");
}

static void secret_made(void)
{
	const char *path = in_folder("secret");
	struct secret s, t;
	struct stat st;
	unsigned char one[SECRET_SUBKEY], two[SECRET_SUBKEY];

	is_int(secret_create(arena, path).code, PROBLEM_NONE, "a secret is made");
	is_int(stat(path, &st), 0, "its file is there");
	is_int(st.st_mode & 0777, 0600, "for its owner alone");
	is_int(secret_read(arena, path, &s).code, PROBLEM_NONE, "it can be read");
	is_int(secret_create(arena, path).code, PROBLEM_CONFLICT, "a second one is refused");
	is_int(secret_read(arena, path, &t).code, PROBLEM_NONE, "the first is still there");
	ok(memcmp(&s, &t, sizeof(s)) == 0, "and the same");
	secret_subkey(&s, SECRET_TOKENS, one);
	secret_subkey(&s, SECRET_PAGES, two);
	ok(memcmp(one, two, sizeof(one)) != 0, "each use has a key of its own");
}

static void replaced(void)
{
	const char *path = in_folder("note");
	char text[8] = {0};

	is_int(durable_replace(arena, path, "one", 3).code, PROBLEM_NONE, "a file is written");
	is_int(durable_replace(arena, path, "two", 3).code, PROBLEM_NONE, "and replaced");
	FILE *f = fopen(path, "r");
	is_int(f ? fread(text, 1, sizeof(text), f) : 0, 3, "it is whole");
	is_str(text, "two", "and new");
	if (f)
		fclose(f);
	is_int(durable_create(arena, "/nonexistent/x", "", 0).code, PROBLEM_INTERNAL,
	       "a folder that is not there is an error");
}

int main(void)
{
	if (sodium_init() < 0 || !mkdtemp(folder))
		return 1;
	arena = arena_new(1 << 20);
	tokens();
	hashes();
	secret_files();
	secret_made();
	replaced();
	unlink(in_folder("given"));
	unlink(in_folder("secret"));
	unlink(in_folder("note"));
	is_int(rmdir(folder), 0, "no temporary is left behind");
	arena_free(arena);
	return tap_done();
}
