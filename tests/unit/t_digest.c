#include "base/digest.h"

#include <sodium.h>

#include "base/text.h"
#include "tests/unit/tap.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_BLAKE2B                                                                                \
	"ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"                         \
	"7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* RFC 9530 answers {"hello": "world"} and a line feed with this one. */
#define HELLO     "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
#define HELLO_HEX "44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38"

static const struct {
	const char *value;
	const char *sha256; /* "" none given, NULL refused */
} headers[] = {
	{HELLO, HELLO_HEX},
	{"  " HELLO "  ", HELLO_HEX},
	{"sha-512=:YWJj:, " HELLO, HELLO_HEX},
	{HELLO ",sha-512=:YWJj:", HELLO_HEX},
	{HELLO " \t,\t crc32c=:YWJj:;a;b=1;c=\"x\\\"\"", HELLO_HEX},
	{"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, " HELLO, HELLO_HEX},
	{"", ""},
	{"   ", ""},
	{"unixsum=:MA==:", ""},
	{"a", ""},
	{"a, b;x=?1, c=(1 2.5 \"s\" tok:/x;q=1 :MA==:);y, d=()", ""},
	{"*a_-.*=-12.125", ""},
	{"sha-512=:YWJj:", NULL},
	{"sha-256", NULL},
	{"sha-256=1", NULL},
	{"sha-256=\"RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=\"", NULL},
	{"sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=", NULL},
	{"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg:", NULL},
	{"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabA==:", NULL},
	{"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=", NULL},
	{"SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", NULL},
	{HELLO ",", NULL},
	{HELLO " " HELLO, NULL},
	{", " HELLO, NULL},
	{HELLO ";", NULL},
	{"a=", NULL},
	{"a=(1", NULL},
	{"a=(1\"s\")", NULL},
	{"a=\"x", NULL},
	{"a=\"\\x\"", NULL},
	{"a=?2", NULL},
	{"a=1234567890123456", NULL},
	{"a=1.", NULL},
	{"a=1.2345", NULL},
	{"a=-", NULL},
	{"a=:YWJj", NULL},
	{"a=:Y WJj:", NULL},
};

static void headers_are_dictionaries(struct arena *a)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		unsigned char sha256[SHA256_BYTES];
		char hex[SHA256_TEXT] = "";
		bool given = true;
		struct problem p =
			digest_header_read(a, "Repr-Digest", headers[i].value, sha256, &given);

		if (!headers[i].sha256) {
			ok(p.code == PROBLEM_INVALID && p.errors, "'%s' is refused",
			   headers[i].value);
			continue;
		}
		if (given)
			hex_text(hex, sha256, sizeof(sha256));
		ok(p.code == PROBLEM_NONE, "'%s' is read", headers[i].value);
		is_str(hex, headers[i].sha256, "and gives its sha-256");
	}
}

static void streams_are_hashed(void)
{
	char sha256[SHA256_TEXT], blake2b[BLAKE2B_TEXT];
	struct digests d, whole;
	struct hasher h;

	ok(hasher_begin(&h), "a hasher begins");
	hasher_feed(&h, "a", 1);
	hasher_feed(&h, "", 0);
	hasher_feed(&h, "bc", 2);
	hasher_end(&h, &d);
	hasher_close(&h);
	hex_text(sha256, d.sha256, sizeof(d.sha256));
	hex_text(blake2b, d.blake2b, sizeof(d.blake2b));
	is_str(sha256, ABC_SHA256, "SHA-256 of FIPS 180-4's \"abc\", in pieces");
	is_str(blake2b, ABC_BLAKE2B, "BLAKE2b-512 of RFC 7693's \"abc\", in pieces");

	sha256_of("abc", 3, whole.sha256);
	blake2b_of("abc", 3, whole.blake2b);
	ok(memcmp(&d, &whole, sizeof(d)) == 0, "in one piece they are the same");

	ok(hasher_begin(&h), "a second hasher begins");
	hasher_end(&h, &d);
	hex_text(sha256, d.sha256, sizeof(d.sha256));
	is_str(sha256, EMPTY_SHA256, "nothing has a digest too");
	ok(hasher_begin(&h), "a third hasher begins");
	hasher_close(&h);
	ok(!h.sha256 && !h.blake2b, "and is closed without an end");
}

int main(void)
{
	unsigned char sha256[SHA256_BYTES];
	char text[DIGEST_HEADER_TEXT];

	if (sodium_init() < 0)
		return 1;
	struct arena *a = arena_new(1 << 20);

	streams_are_hashed();
	headers_are_dictionaries(a);
	hex_read(sha256, sizeof(sha256), HELLO_HEX, 64);
	digest_header_text(sha256, text);
	is_str(text, HELLO, "the header is written as it is read");
	arena_free(a);
	return tap_done();
}
