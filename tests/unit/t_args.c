/* t_args.c - parameters have PostgreSQL's wire format. */
#include "sql/args.h"

#include <string.h>

#include "sql/oid.h"
#include "tap.h"

static struct arena *arena;

static void is_wire(const struct args *s, int i, const char *hex, const char *what)
{
	static char got[512];

	got[0] = '\0';
	for (int b = 0; b < s->length[i]; b++)
		snprintf(got + 2 * (size_t)b, 3, "%02x", (unsigned char)s->value[i][b]);
	is_str(got, hex, "%s", what);
	is_int(s->format[i], 1, "%s: in binary", what);
}

static void test_scalars(void)
{
	static const unsigned char uuid[16] = {1, [15] = 0xff};
	struct args s = args_new(arena);

	arg_bool(&s, true);
	arg_bool(&s, false);
	arg_int4(&s, -2);
	arg_int8(&s, INT64_C(0x0102030405060708));
	arg_float8(&s, 0.92);
	arg_uuid(&s, uuid);
	arg_time(&s, INT64_C(946684800000001));
	arg_time(&s, INT64_MIN + 1);
	is_wire(&s, 0, "01", "true");
	is_wire(&s, 1, "00", "false");
	is_wire(&s, 2, "fffffffe", "int4");
	is_wire(&s, 3, "0102030405060708", "int8");
	is_wire(&s, 4, "3fed70a3d70a3d71", "float8");
	is_wire(&s, 5, "010000000000000000000000000000ff", "uuid");
	is_wire(&s, 6, "0000000000000001", "a microsecond after 2000 began");
	is_wire(&s, 7, "8000000000000000", "a time before all that fits is -infinity");
	is_int(s.n, 8, "eight arguments");
}

static void test_text_and_bytes(void)
{
	struct args s = args_new(arena);

	arg_text(&s, "a model");
	arg_bytes(&s, (struct bytes){(const unsigned char *)"\0x", 2});
	arg_bytes(&s, (struct bytes){(const unsigned char *)"", 0});
	is_str(s.value[0], "a model", "text goes as it is");
	is_int(s.format[0], 0, "text goes as text");
	is_wire(&s, 1, "0078", "bytes keep their NUL");
	ok(s.value[2] != NULL, "no bytes are not NULL");
	is_int(s.length[2], 0, "no bytes have no length");
}

static void test_nulls(void)
{
	struct args s = args_new(arena);

	arg_null(&s);
	arg_text(&s, NULL);
	arg_bytes(&s, (struct bytes){0});
	arg_uuid(&s, NULL);
	arg_time(&s, INT64_MIN);
	for (int i = 0; i < s.n; i++)
		ok(s.value[i] == NULL, "argument %d is NULL", i + 1);
	is_int(s.n, 5, "all five are there");
}

static void test_arrays(void)
{
	static const char *const texts[] = {"a", NULL, ""};
	static const int64_t numbers[] = {1, -1};
	static const int64_t times[] = {INT64_C(946684800000000), INT64_MIN};
	static const double reals[] = {1};
	static const unsigned char uuids[1][16] = {{7}};
	const struct bytes blobs[] = {{(const unsigned char *)"\xff", 1}, {0}};
	struct args s = args_new(arena);

	arg_text_array(&s, texts, 3);
	arg_text_array(&s, NULL, 0);
	arg_int8_array(&s, numbers, 2);
	arg_bytes_array(&s, blobs, 2);
	arg_time_array(&s, times, 2);
	arg_float8_array(&s, reals, 1);
	arg_uuid_array(&s, uuids, 1);
	is_wire(&s, 0,
		"0000000100000001000000190000000300000001"
		"0000000161"
		"ffffffff"
		"00000000",
		"text[] with a NULL and an empty text");
	is_wire(&s, 1, "000000000000000000000019", "an empty array has no dimension");
	is_wire(&s, 2,
		"0000000100000000000000140000000200000001"
		"000000080000000000000001"
		"00000008ffffffffffffffff",
		"int8[]");
	is_wire(&s, 3,
		"0000000100000001000000110000000200000001"
		"00000001ff"
		"ffffffff",
		"bytea[] with a NULL");
	is_wire(&s, 4,
		"0000000100000001000004a00000000200000001"
		"000000080000000000000000"
		"ffffffff",
		"timestamptz[] with a NULL");
	is_wire(&s, 5,
		"0000000100000000000002bd0000000100000001"
		"000000083ff0000000000000",
		"float8[]");
	is_wire(&s, 6,
		"000000010000000000000b860000000100000001"
		"00000010"
		"07000000000000000000000000000000",
		"uuid[]");
}

static struct args pair(const char *text, int64_t number)
{
	struct args s = args_new(arena);

	arg_text(&s, text);
	arg_int8(&s, number);
	return s;
}

static void test_equal(void)
{
	const struct args one = pair("one", 1), same = pair("one", 1), text = pair("two", 1),
			  number = pair("one", 2), empty = pair("", 1), null = pair(NULL, 1);

	ok(args_equal(&one, &same) && args_hash(&one) == args_hash(&same), "the same is equal");
	ok(!args_equal(&one, &text) && args_hash(&one) != args_hash(&text), "another text");
	ok(!args_equal(&one, &number) && args_hash(&one) != args_hash(&number), "another number");
	ok(!args_equal(&empty, &null) && args_equal(&null, &null), "NULL is not the empty text");
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_equal();
	test_scalars();
	test_text_and_bytes();
	test_nulls();
	test_arrays();
	arena_free(arena);
	return tap_done();
}
