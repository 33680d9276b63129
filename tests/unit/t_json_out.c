#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/json_out.h"
#include "tap.h"

static struct arena *arena;

static const char *text_of(const char *s, size_t len)
{
	struct json_out j = json_out_new(arena);

	jw_textn(&j, s, len);
	return jw_done(&j);
}

static const char *number_of(double v)
{
	struct json_out j = json_out_new(arena);

	jw_number(&j, v);
	return jw_done(&j);
}

static void strings_are_escaped(void)
{
	static const struct {
		const char *raw;
		size_t len;
		const char *json;
	} cases[] = {
		{"", 0, "\"\""},
		{"plain", 5, "\"plain\""},
		{"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
		{"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
		{"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\""},
		{"gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\""},
		{"</script>", 9, "\"</script>\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(text_of(cases[i].raw, cases[i].len), cases[i].json, "string %zu", i);
}

static void numbers_are_the_shortest_that_read_back(void)
{
	static const struct {
		double v;
		const char *json;
	} cases[] = {
		{0.92, "0.92"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1, "1"},
		{-0.0, "-0"},
		{100000000000000000000.0, "1e+20"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{5e-324, "4.94065645841247e-324"},
		{(double)NAN, "null"},
		{(double)INFINITY, "null"},
		{-(double)INFINITY, "null"},
	};
	unsigned long long seed = 42;
	int wrong = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(number_of(cases[i].v), cases[i].json, "number %s", cases[i].json);
	for (int i = 0; i < 20000; i++) {
		double v;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(&v, &seed, sizeof(v));
		if (isfinite(v) && strtod(number_of(v), NULL) != v)
			wrong++;
		arena_reset(arena);
	}
	is_int(wrong, 0, "20,000 doubles of random bits read back the same");
}

static void integers_reach_both_ends(void)
{
	struct json_out j = json_out_new(arena);

	jw_array(&j);
	jw_int(&j, INT64_MIN);
	jw_int(&j, 0);
	jw_int(&j, INT64_MAX);
	jw_end_array(&j);
	is_str(jw_done(&j), "[-9223372036854775808,0,9223372036854775807]", "64 bits");
}

static void commas_come_by_themselves(void)
{
	struct json_out j = json_out_new(arena);

	jw_object(&j);
	jw_key(&j, "a"), jw_array(&j), jw_end_array(&j);
	jw_key(&j, "b"), jw_object(&j), jw_end_object(&j);
	jw_key(&j, "c"), jw_array(&j);
	jw_bool(&j, true), jw_bool(&j, false), jw_null(&j), jw_text(&j, NULL);
	jw_array(&j), jw_int(&j, 1), jw_end_array(&j);
	jw_hex(&j, "\x00\xff", 2), jw_raw(&j, "{\"r\":1}", 7);
	jw_end_array(&j);
	jw_key_any(&j, "d\"", 2), jw_time(&j, 0);
	jw_key(&j, "e"), jw_time(&j, INT64_MIN);
	jw_end_object(&j);
	is_str(jw_done(&j),
	       "{\"a\":[],\"b\":{},\"c\":[true,false,null,null,[1],\"00ff\",{\"r\":1}],"
	       "\"d\\\"\":\"1970-01-01T00:00:00.000000Z\",\"e\":null}",
	       "a document of every kind of value");
}

static void a_tree_comes_out_as_it_went_in(void)
{
	static const char text[] =
		"{\"o\":{\"k\\u0001\":[1,2.5,5.0,1e+300,\"x\",true,false,null,{}]},\"z\":-7}";
	json_t *tree = json_loads(text, 0, NULL);
	struct json_out j = json_out_new(arena);

	jw_tree(&j, tree);
	is_str(jw_done(&j), text, "the same text");
	json_decref(tree);
}

static void a_long_text_grows(void)
{
	struct json_out j = json_out_new(arena);

	jw_array(&j);
	for (int i = 0; i < 50000; i++)
		jw_text(&j, "tab\tquote\"");
	jw_end_array(&j);
	json_t *back = json_loads(jw_done(&j), 0, NULL);
	is_int(json_array_size(back), 50000, "50,000 strings read back");
	is_str(json_string_value(json_array_get(back, 49999)), "tab\tquote\"", "the last one");
	json_decref(back);
}

int main(void)
{
	arena = arena_new(64 << 20);
	strings_are_escaped();
	numbers_are_the_shortest_that_read_back();
	integers_reach_both_ends();
	commas_come_by_themselves();
	a_tree_comes_out_as_it_went_in();
	a_long_text_grows();
	arena_free(arena);
	return tap_done();
}
