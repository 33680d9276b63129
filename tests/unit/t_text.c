#include "base/text.h"

#include <sodium.h>
#include <stdint.h>

#include "base/plain.h"
#include "tests/unit/tap.h"

static const struct {
	const char *text;
	enum base64 kind;
	const char *bytes; /* NULL: refused */
} base64s[] = {
	{"", BASE64_STANDARD, ""}, /* RFC 4648, section 10 */
	{"Zg==", BASE64_STANDARD, "f"},
	{"Zm8=", BASE64_STANDARD, "fo"},
	{"Zm9v", BASE64_STANDARD, "foo"},
	{"Zm9vYg==", BASE64_STANDARD, "foob"},
	{"Zm9vYmE=", BASE64_STANDARD, "fooba"},
	{"Zm9vYmFy", BASE64_STANDARD, "foobar"},
	{"Pz8/", BASE64_STANDARD, "???"},
	{"Pz8_", BASE64_URL, "???"},
	{"Zg", BASE64_URL_UNPADDED, "f"},
	{"Pz8_", BASE64_STANDARD, NULL},
	{"Pz8/", BASE64_URL, NULL},
	{"Zg", BASE64_STANDARD, NULL},
	{"Zg=", BASE64_STANDARD, NULL},
	{"Zg==", BASE64_URL_UNPADDED, NULL},
	{"Zh==", BASE64_STANDARD, NULL},
	{"Zm9=", BASE64_STANDARD, NULL},
	{"Zm9v\n", BASE64_STANDARD, NULL},
	{" Zm9v", BASE64_STANDARD, NULL},
	{"Zm9vY", BASE64_STANDARD, NULL},
	{"====", BASE64_STANDARD, NULL},
	{"\235\316\312\236", BASE64_STANDARD, NULL}, /* which libsodium reads */
};

static const struct {
	const char *plain, *keep, *text;
} percents[] = {
	{"", "", ""},
	{"azAZ09-._~", "", "azAZ09-._~"},
	{"a/b c", "", "a%2Fb%20c"},
	{"a/b c", "/", "a/b%20c"},
	{"^1 %", "", "%5E1%20%25"},
	{"Mod\xc3\xa8le", "", "Mod%C3%A8le"},
	{"a+b", "", "a%2Bb"},
};

static const char *const bad_percents[] = {"%", "a%", "%4", "%4g", "%g4", "%%41"};

static void hex_goes_both_ways(void)
{
	unsigned char bytes[4] = {0};
	char text[9];

	hex_text(text, "\x00\x1f\xa0\xff", 4);
	is_str(text, "001fa0ff", "bytes are written in lower case");
	ok(hex_read(bytes, 4, text, 8) && memcmp(bytes, "\x00\x1f\xa0\xff", 4) == 0,
	   "and read again");
	ok(!hex_read(bytes, 4, "001FA0FF", 8), "upper case is refused");
	ok(!hex_read(bytes, 4, "001fa0f", 7), "an odd number of digits is refused");
	ok(!hex_read(bytes, 4, "001fa0", 6), "too few digits are refused");
	ok(!hex_read(bytes, 3, "001fa0f", 7), "half a byte too many is refused");
	ok(!hex_read(bytes, 4, "001fa0fg", 8), "a letter that is no digit is refused");
}

static void base64_is_read_strictly(struct arena *a)
{
	for (size_t i = 0; i < sizeof(base64s) / sizeof(*base64s); i++) {
		unsigned char *bytes;
		const char *want = base64s[i].bytes, *text = base64s[i].text;
		size_t len;
		bool good = base64_read(a, base64s[i].kind, text, strlen(text), &bytes, &len);

		if (!want) {
			ok(!good, "base64 text %zu is refused", i);
			continue;
		}
		ok(good && len == strlen(want) && memcmp(bytes, want, len) == 0, "'%s' is read",
		   text);
		is_str(base64_text(a, base64s[i].kind, want, strlen(want), &len), text,
		       "'%s' is written", text);
		is_int(len, strlen(text), "and its length is right");
	}
}

static void percents_go_both_ways(struct arena *a)
{
	size_t len;
	char *s;

	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
		const char *plain = percents[i].plain, *text = percents[i].text;

		is_str(percent_text(a, plain, strlen(plain), percents[i].keep), text,
		       "'%s' is written", plain);
		ok(percent_read(a, text, strlen(text), &s, &len) && len == strlen(plain) &&
			   strcmp(s, plain) == 0,
		   "'%s' is read", text);
	}
	for (size_t i = 0; i < sizeof(bad_percents) / sizeof(*bad_percents); i++)
		ok(!percent_read(a, bad_percents[i], strlen(bad_percents[i]), &s, &len),
		   "'%s' is refused", bad_percents[i]);
	ok(percent_read(a, "a%00b%c3%a8", 11, &s, &len) && len == 5 &&
		   memcmp(s, "a\0b\xc3\xa8", 5) == 0,
	   "NUL and lower-case digits are read, and counted");
	is_str(percent_text(a, "a\0b", 3, "/"), "a%00b", "NUL is written as any other byte");
}

/* Every byte at every place of a text that is longer than two words. */
static void plain_bytes_are_counted(void)
{
	enum { LENGTH = 19 };
	char s[LENGTH];
	int wrong = 0;

	for (int place = 0; place < LENGTH; place++) {
		for (int c = 0; c < 256; c++) {
			const bool plain = c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;

			memset(s, '!', sizeof(s)); /* next to the quote */
			s[place] = (char)c;
			wrong += plain_run(s, sizeof(s)) != (size_t)(plain ? LENGTH : place);
		}
	}
	is_int(wrong, 0, "control characters, quote, backslash and DEL end what is plain");
	is_int((int)plain_run("\xc3\xa8\xf4\x8f\xbf\xbf\xff\x80", 8), 8,
	       "bytes above ASCII are plain");
	is_int((int)plain_run("\"", 0), 0, "nothing is looked at beyond the end");
}

static void numbers_are_written(void)
{
	static const struct {
		int64_t number;
		const char *text;
	} numbers[] = {
		{0, "0"},
		{9, "9"},
		{10, "10"},
		{-1, "-1"},
		{INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"},
	};
	char text[TEXT_INT];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		const size_t len = text_int(numbers[i].number, text);

		is_str(text, numbers[i].text, "%s is written", numbers[i].text);
		is_int((int)len, (int)strlen(numbers[i].text), "and its length is told");
	}
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	struct arena *a = arena_new(1 << 20);

	plain_bytes_are_counted();
	numbers_are_written();
	hex_goes_both_ways();
	base64_is_read_strictly(a);
	percents_go_both_ways(a);
	ok(text_is("abc", 3, "abc") && !text_is("abc", 2, "abc") && !text_is("abcd", 4, "abc"),
	   "text_is() compares the whole word");
	ok(text_starts("abc", 3, "ab") && !text_starts("a", 1, "ab"),
	   "text_starts() does not look past the end");
	arena_free(a);
	return tap_done();
}
