#include "base/utf8.h"

#include "tests/unit/tap.h"

#define S(s) s, sizeof(s) - 1

static const struct {
	const char *s;
	size_t len;
	const char *what;
} good[] =
	{
		{S(""), "nothing"},
		{S("plain"), "ASCII"},
		{S("a\0b"), "NUL"},
		{S("\xc2\x80 \xdf\xbf"), "both ends of two bytes"},
		{S("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"),
		 "both ends of three bytes"},
		{S("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"), "both ends of four bytes"},
},
  bad[] = {
	  {S("\x80"), "a byte that only follows"},
	  {S("\xc0\x80"), "NUL in two bytes"},
	  {S("\xc1\xbf"), "ASCII in two bytes"},
	  {S("\xe0\x9f\xbf"), "three bytes where two do"},
	  {S("\xf0\x8f\xbf\xbf"), "four bytes where three do"},
	  {S("\xed\xa0\x80"), "a high surrogate"},
	  {S("\xed\xbf\xbf"), "a low surrogate"},
	  {S("\xf4\x90\x80\x80"), "one past U+10FFFF"},
	  {S("\xf5\x80\x80\x80"), "a lead past the last"},
	  {S("\xff"), "FF"},
	  {S("abc\xc3"), "a cut sequence of two"},
	  {S("\xe2\x82"), "a cut sequence of three"},
	  {S("\xf0\x9f\x98"), "a cut sequence of four"},
	  {S("\xe2\x28\xa1"), "an ASCII byte inside a sequence"},
};

static const struct {
	const char *s, *nfc;
} forms[] = {
	{"plain", "plain"},
	{"Mod\xc3\xa8le", "Mod\xc3\xa8le"},
	{"Mode\xcc\x80le", "Mod\xc3\xa8le"},                      /* e, grave */
	{"\xe2\x84\xab", "\xc3\x85"},                             /* angstrom sign */
	{"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"}, /* Hangul jamo */
	{"q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"},               /* marks in canonical order */
	{"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"}, /* never composed: DEVANAGARI QA */
	{"\xef\xac\x81", "\xef\xac\x81"},             /* fi ligature: NFC keeps it */
};

static const struct {
	const char *s;
	size_t len;
	int32_t found;
} marks[] = {
	{S("plain"), -1},
	{S("Mod\xc3\xa8le \xe6\xa8\xa1\xe5\x9e\x8b"), -1},
	{S("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb"), -1}, /* a joined emoji */
	{S("a\0b"), 0},
	{S("a\tb"), 9},
	{S("a\nb"), 10},
	{S("a\x7f"), 0x7f},
	{S("\xc2\x85"), 0x85},
	/* NOLINTBEGIN(misc-misleading-bidirectional): they are meant to mislead */
	{S("\xd8\x9c"), 0x61c},
	{S("\xe2\x80\x8e"), 0x200e},
	{S("\xe2\x80\xa8"), 0x2028},
	{S("abc\xe2\x80\xae"), 0x202e},
	{S("\xe2\x81\xa6"), 0x2066},
	/* NOLINTEND(misc-misleading-bidirectional) */
	{S("\xef\xbb\xbf"), 0xfeff},
	{S("\xef\xbf\xbe"), 0xfffe},
	{S("\xf0\x9f\xbf\xbf"), 0x1ffff},
};

int main(void)
{
	struct arena *a = arena_new(1 << 20);

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(utf8_valid(good[i].s, good[i].len), "%s is UTF-8", good[i].what);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!utf8_valid(bad[i].s, bad[i].len), "%s is not UTF-8", bad[i].what);
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const char *s = forms[i].s;
		size_t len;

		is_str(utf8_nfc(a, s, strlen(s), &len), forms[i].nfc, "form %zu is composed", i);
		is_int(len, strlen(forms[i].nfc), "and has its length");
		is_int(utf8_is_nfc(s, strlen(s)), strcmp(s, forms[i].nfc) == 0,
		       "form %zu is known for what it is", i);
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		is_int(utf8_forbidden(marks[i].s, marks[i].len), marks[i].found,
		       "what is forbidden in text %zu", i);
	arena_free(a);
	return tap_done();
}
