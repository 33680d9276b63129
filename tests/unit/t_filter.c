#include "tap.h"

#include "registry/filter.h"
#include "registry/name.h"

static struct arena *arena;

static const char *shown(const char *s)
{
	return s ? s : "any";
}

static void metric_comparisons_are_read(void)
{
	static const struct {
		const char *text, *name, *dataset, *slice;
		enum filter_op op;
		double value;
	} table[] = {
		{"accuracy>0.9", "accuracy", NULL, NULL, FILTER_GREATER, 0.9},
		{"accuracy>=0.9", "accuracy", NULL, NULL, FILTER_AT_LEAST, 0.9},
		{"loss<-1e-3", "loss", NULL, NULL, FILTER_LESS, -1e-3},
		{"loss<=1", "loss", NULL, NULL, FILTER_AT_MOST, 1},
		{"epochs=100", "epochs", NULL, NULL, FILTER_EQUAL, 100},
		{"val/f1 score@val[en]>0.5", "val/f1 score", "val", "en", FILTER_GREATER, 0.5},
		{"f1@>0.5", "f1", "", NULL, FILTER_GREATER, 0.5},
		{"f1[]>0.5", "f1", NULL, "", FILTER_GREATER, 0.5},
		{"f1[age>65, lang=en]<1", "f1", NULL, "age>65, lang=en", FILTER_LESS, 1},
	};
	struct metric_filter f;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct problem p = filter_metric(arena, "metric", table[i].text, &f);

		if (!ok(p.code == PROBLEM_NONE, "%s is read", table[i].text))
			continue;
		is_str(f.metric.name, table[i].name, "its name");
		is_str(shown(f.metric.dataset), shown(table[i].dataset), "its dataset");
		is_str(shown(f.metric.slice), shown(table[i].slice), "its slice");
		ok(f.op == table[i].op && f.value == table[i].value, "its comparison");
	}
}

static void other_metric_comparisons_are_refused(void)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{"", "cannot be empty"},
		{">0.9", "cannot be empty"},
		{"accuracy", "no comparison"},
		{"accuracy 0.9", "no comparison"},
		{"accuracy>", "finite number"},
		{"accuracy>high", "finite number"},
		{"accuracy>0x10", "finite number"},
		{"accuracy>nan", "finite number"},
		{"accuracy>inf", "finite number"},
		{"accuracy>1e999", "finite number"},
		{"accuracy> 1", "finite number"},
		{"accuracy>1 ", "finite number"},
		{"accuracy==1", "finite number"},
		{"accuracy=>1", "finite number"},
		{"accuracy!=1", "cannot hold \"!\""},
		{"a[en>0.5", "lacks its ]"},
		{"a[en]x>0.5", "no comparison"},
		{"a;DROP TABLE model>1e", "finite number"},
		{" a>1", "begin or end with a space"},
	};
	struct metric_filter f;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct problem p = filter_metric(arena, "metric", table[i].text, &f);
		const bool good = p.code == PROBLEM_INVALID && strstr(p.detail, table[i].says) &&
				  strcmp(p.errors->parameter, "metric") == 0;

		if (!ok(good, "'%s' is refused with: %s", table[i].text, table[i].says))
			printf("# it said: %s\n", p.detail ? p.detail : "nothing");
	}
}

static void tags_are_read(void)
{
	struct tag_filter f;

	ok(filter_tag(arena, "tag", "task", &f).code == PROBLEM_NONE && !f.value, "a key alone");
	ok(filter_tag(arena, "tag", "task=a=b %_'\"", &f).code == PROBLEM_NONE,
	   "a key with a value");
	is_str(f.key, "task", "the key ends at the first =");
	is_str(f.value, "a=b %_'\"", "the value may hold more, and stays as it is");
	ok(filter_tag(arena, "tag", "task=", &f).code == PROBLEM_NONE && *f.value == '\0',
	   "an empty value is one");
	ok(filter_tag(arena, "tag", "=x", &f).code == PROBLEM_INVALID, "an empty key is none");
}

static const char *const keys[] = {"name", "created_at", NULL};

static void orders_are_read(void)
{
	struct sort s;

	ok(filter_sort(arena, "sort", "name", keys, true, &s).code == PROBLEM_NONE && s.key == 0 &&
		   !s.descending,
	   "rising");
	ok(filter_sort(arena, "sort", "-created_at", keys, true, &s).code == PROBLEM_NONE &&
		   s.key == 1 && s.descending,
	   "falling");
	ok(filter_sort(arena, "sort", "-metric:accuracy@val", keys, true, &s).code ==
			   PROBLEM_NONE &&
		   s.key == -1 && s.descending,
	   "by a metric");
	is_str(s.metric.name, "accuracy", "its name");
	is_str(s.metric.dataset, "val", "its dataset");
	struct problem p = filter_sort(arena, "sort", "size", keys, true, &s);
	ok(p.code == PROBLEM_INVALID && strstr(p.detail, "name, created_at, metric:NAME"),
	   "an unknown order is answered with the known");
	p = filter_sort(arena, "sort", "metric:accuracy", keys, false, &s);
	ok(p.code == PROBLEM_INVALID && !strstr(p.detail, "metric:NAME"),
	   "metrics are no order where there are none");
	ok(filter_sort(arena, "sort", "metric:a>1", keys, true, &s).code == PROBLEM_INVALID,
	   "a comparison is no order");
	ok(filter_sort(arena, "sort", "", keys, true, &s).code == PROBLEM_INVALID,
	   "nothing is none");
	ok(filter_sort(arena, "sort", "--name", keys, true, &s).code == PROBLEM_INVALID,
	   "two signs are none");
}

static void small_choices_are_read(void)
{
	int64_t v = 0;
	int word;

	ok(filter_word(arena, "direction", "created_at", keys, &word).code == PROBLEM_NONE &&
		   word == 1,
	   "a word by its place");
	ok(strstr(filter_word(arena, "direction", "x", keys, &word).detail, "name, created_at") !=
		   NULL,
	   "an unknown word is answered with the known");
	ok(filter_int(arena, "depth", "64", 1, 64, &v).code == PROBLEM_NONE && v == 64,
	   "an integer");
	ok(filter_int(arena, "depth", "-3", -5, 5, &v).code == PROBLEM_NONE && v == -3,
	   "a negative");
	static const char *const bad[] = {"",    "-",  "65", "0",   "1.0",
					  "1e1", "+1", " 1", "0x1", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(filter_int(arena, "depth", bad[i], 1, 64, &v).code == PROBLEM_INVALID,
		   "'%s' is no integer from 1 to 64", bad[i]);
	ok(filter_time(arena, "after", "1970-01-01T00:00:01Z", &v).code == PROBLEM_NONE &&
		   v == 1000000,
	   "a time");
	ok(filter_time(arena, "after", "1970-01-01", &v).code == PROBLEM_INVALID,
	   "a day is no time");
}

static void names_are_split(void)
{
	struct filter_list l;

	ok(filter_names(arena, "names", "a,b c,d", name_metric, 3, &l).code == PROBLEM_NONE &&
		   l.n == 3,
	   "three names");
	is_str(l.items[1], "b c", "the second");
	static const struct {
		const char *text, *says;
	} bad[] = {{"", "cannot be empty"},  {"a,", "cannot be empty"}, {"a,,b", "cannot be empty"},
		   {"a,b,c,d", "at most 3"}, {"a,b,a", "twice"},        {"a>b", "cannot hold"}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct problem p =
			filter_names(arena, "names", bad[i].text, name_metric, 3, &l);
		ok(p.code == PROBLEM_INVALID && strstr(p.detail, bad[i].says),
		   "'%s' is refused with: %s", bad[i].text, bad[i].says);
	}
}

int main(void)
{
	arena = arena_new(1u << 20);
	metric_comparisons_are_read();
	other_metric_comparisons_are_refused();
	tags_are_read();
	orders_are_read();
	small_choices_are_read();
	names_are_split();
	arena_free(arena);
	return tap_done();
}
