#include "base/setting.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/connection.h"
#include "base/nearest.h"
#include "base/quantity.h"
#include "tests/unit/tap.h"

enum colour { RED, GREEN, BLUE };
static const char *const colours[] = {[RED] = "red", [GREEN] = "green", [BLUE] = "blue", NULL};
static const char *const foreign[] = {"TEST_*SERVICE_HOST", "TEST_TOKEN_*", NULL};

struct values {
	const char *name, *folder, *url, *token, *file;
	int threads, colour;
	int64_t size, delay;
	bool bold;
};

#define AT(member) offsetof(struct values, member)
/* clang-format off */
static const struct setting rows[] = {
	{.name = "name", .type = SETTING_TEXT, .offset = AT(name), .preset = "anna", .help = "a name"},
	{.name = "folder", .type = SETTING_PATH, .offset = AT(folder), .help = "a folder"},
	{.name = "url", .env = "THE_URL", .type = SETTING_TEXT, .secrecy = SETTING_CONNECTION, .offset = AT(url), .help = "a connection"},
	{.name = "token", .type = SETTING_TEXT, .secrecy = SETTING_SECRET, .offset = AT(token), .help = "a secret"},
	{.name = "file", .type = SETTING_PATH, .only = SETTING_ENVIRONMENT, .offset = AT(file), .help = "the file"},
	{.name = "threads", .type = SETTING_INT, .offset = AT(threads), .preset = "4", .min = 1, .max = 64, .help = "threads"},
	{.name = "colour", .type = SETTING_WORD, .offset = AT(colour), .preset = "green", .words = colours, .help = "a colour"},
	{.name = "max_size", .type = SETTING_SIZE, .offset = AT(size), .preset = "64KiB", .min = 1024, .max = 1 << 30, .help = "a size"},
	{.name = "drain_delay", .type = SETTING_SECONDS, .offset = AT(delay), .preset = "5s", .min = 0, .max = 3600000000, .help = "a delay"},
	{.name = "bold", .type = SETTING_BOOL, .offset = AT(bold), .preset = "false", .help = "bold"},
};
/* clang-format on */
static const struct setting_table table = {rows, sizeof(rows) / sizeof(*rows), "TEST_", foreign};

static struct arena *arena;
static struct values v;

static struct settings *fresh(void)
{
	memset(&v, 0xff, sizeof(v));
	return settings_new(arena, &table, &v);
}

static struct problem read_text(struct settings *s, const char *text)
{
	return settings_read_text(s, "f", text, strlen(text));
}

static void presets(void)
{
	struct settings *s = fresh();

	is_str(v.name, "anna", "a text has its preset");
	ok(!v.folder && !v.url && !v.token, "what has no preset is absent");
	is_int(v.threads, 4, "an int has its preset");
	is_int(v.colour, GREEN, "a word has its preset");
	is_int(v.size, 65536, "a size has its preset in bytes");
	is_int(v.delay, 5000000, "a duration has its preset in microseconds");
	ok(!v.bold, "a bool has its preset");
	is_int(settings_origin(s, "name"), SETTING_PRESET, "its origin is known");
}

static void precedence(void)
{
	const char *env[] = {"TEST_NAME=env", "TEST_THREADS=7", NULL};
	const char *argv[] = {"--name", "flag"};
	const char *rest[3];
	struct settings *s = fresh();

	ok(!settings_read_flags(&s, 1, 2, argv, rest).code, "flags are read first");
	ok(!settings_read_environment(s, env).code, "then the environment");
	ok(!read_text(s, "name = file\nthreads = 9\ncolour = blue").code, "then the file");
	is_str(v.name, "flag", "a flag beats all");
	is_int(v.threads, 7, "a variable beats the file");
	is_int(v.colour, BLUE, "the file beats the preset");
	is_int(settings_origin(s, "name"), SETTING_FLAG, "origin flag");
	is_int(settings_origin(s, "threads"), SETTING_ENVIRONMENT, "origin environment");
	is_int(settings_origin(s, "colour"), SETTING_FILE, "origin file");
	settings_preset(s, "folder", "%s/x", "/tmp");
	settings_preset(s, "name", "never");
	is_str(v.folder, "/tmp/x", "a worked-out preset fills what nobody gave");
	is_str(v.name, "flag", "and leaves what somebody gave");
	settings_replace(s, "threads", "12");
	is_int(v.threads, 12, "a replaced value holds");
	is_int(settings_origin(s, "threads"), SETTING_ENVIRONMENT, "and keeps its origin");
}

static void file_values(void)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{"name=a", "a"},
		{"  name \t=  a b \r\n", "a b"},
		{"# name = x\n\n name = y # z\n", "y"},
		{"name = a#b", "a#b"},
		{"name = \"a # b\" # c", "a # b"},
		{"name = \"a \\\"q\\\" \\\\ b\"", "a \"q\" \\ b"},
		{"name = \" a \"", " a "},
		{"name = a = b", "a = b"},
		{"name = \"\"", "anna"},
		{"name =", "anna"},
		{"name = # nothing", "anna"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct settings *s = fresh();

		ok(!read_text(s, cases[i].text).code, "file value %zu is read", i);
		is_str(v.name, cases[i].name, "file value %zu", i);
	}
}

static void file_errors(void)
{
	static const struct {
		const char *text, *detail;
	} cases[] = {
		{"name", "f:1: want a line `name = value`"},
		{"\nnmae = x", "f:2: 'nmae' is not a setting; did you mean name?"},
		{"drain-dealy = x",
		 "f:1: 'drain-dealy' is not a setting; did you mean drain_delay?"},
		{"zzzzzz = x", "f:1: 'zzzzzz' is not a setting"},
		{"file = x", "f:1: 'file' is not a setting"},
		{"name = a\nname = b", "f:2: name stands in line 1 already"},
		{"name = \"a", "f:1: name: the quoted value has no end, or something after it"},
		{"name = \"a\" b", "f:1: name: the quoted value has no end, or something after it"},
		{"name = \"a\"#b", "f:1: name: the quoted value has no end, or something after it"},
		{"name = a\x01", "f:1: name: want a text without control characters"},
		{"threads = 4x", "f:1: threads: '4x' is not valid, want a whole number"},
		{"threads = 65", "f:1: threads: 65 is out of range, want 1 to 64"},
		{"threads = -1", "f:1: threads: -1 is out of range, want 1 to 64"},
		{"threads = 99999999999999999999",
		 "f:1: threads: '99999999999999999999' is not valid, want a whole number"},
		{"colour = pink", "f:1: colour: 'pink' is not valid, want red, green or blue"},
		{"max_size = 1kB", "f:1: max_size: '1kB' is not valid, want bytes, or a number "
				   "with KiB, MiB, GiB or TiB"},
		{"max_size = 12", "f:1: max_size: 12 is out of range, want 1KiB to 1GiB"},
		{"max_size = 9000000T", "f:1: max_size: '9000000T' is not valid, want bytes, or a "
					"number with KiB, MiB, GiB or TiB"},
		{"drain_delay = 2h", "f:1: drain_delay: 2h is out of range, want 0 to 1h"},
		{"drain_delay = soon", "f:1: drain_delay: 'soon' is not valid, want seconds, or a "
				       "number with ms, s, m, h or d"},
		{"bold = maybe", "f:1: bold: 'maybe' is not valid, want true or false"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct problem p = read_text(fresh(), cases[i].text);

		is_int(p.code, PROBLEM_INVALID, "bad line %zu is refused", i);
		is_str(p.detail ? p.detail : "", cases[i].detail, "and the message helps");
	}
	struct problem p = settings_read_text(fresh(), "f", "name = a\0b", 10);
	is_int(p.code, PROBLEM_INVALID, "a NUL byte in the file is refused");
	p = settings_read_file(fresh(), "/nonexistent/hallmark.conf");
	is_str(p.detail, "/nonexistent/hallmark.conf cannot be read: No such file or directory",
	       "a file that is not there is an error");
}

static void hidden_values_are_checked(void)
{
	const char *argv[] = {"--threads=3"};
	const char *rest[2];
	struct settings *s = fresh();

	ok(!settings_read_flags(&s, 1, 1, argv, rest).code, "a good flag");
	is_int(read_text(s, "threads = many").code, PROBLEM_INVALID,
	       "a bad value in the file is an error though a flag hides it");
	is_int(v.threads, 3, "and the flag's value stays");
}

static void environment(void)
{
	static const struct {
		const char *entry, *detail;
	} cases[] = {
		{"TEST_NAEM=x",
		 "the environment variable TEST_NAEM is not a setting; did you mean TEST_NAME?"},
		{"TEST_URL=x",
		 "the environment variable TEST_URL is not a setting; did you mean THE_URL?"},
		{"TEST_THE_URL=x",
		 "the environment variable TEST_THE_URL is not a setting; did you mean THE_URL?"},
		{"TEST_QQQQQQQ=x", "the environment variable TEST_QQQQQQQ is not a setting"},
		{"TEST_BOLD=2", "TEST_BOLD: '2' is not valid, want true or false"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *env[] = {cases[i].entry, NULL};
		struct problem p = settings_read_environment(fresh(), env);

		is_int(p.code, PROBLEM_INVALID, "%s is refused", cases[i].entry);
		is_str(p.detail ? p.detail : "", cases[i].detail, "and the message helps");
	}
	const char *good[] = {"PATH=/bin",
			      "TESTAMENT=x",
			      "TEST_X_SERVICE_HOST=10.0.0.1",
			      "TEST_TOKEN_FILE=x",
			      "THE_URL=pg:x",
			      "TEST_FOLDER=s3://b/c",
			      "TEST_DRAIN_DELAY=0.5",
			      "NOVALUE",
			      NULL};
	struct problem p = settings_read_environment(fresh(), good);
	is_str(p.detail ? p.detail : "fine", "fine", "others' variables are left alone");
	is_str(v.url, "pg:x", "a variable with a name of its own is read");
	is_str(v.folder, "s3://b/c", "a path that is a URL stays as it is");
	is_int(v.delay, 500000, "half a second");
	ok(!v.token, "a variable of another program is not taken");
}

static void paths(void)
{
	static const char *const given[] = {"x/y", "./x/y", ".//x/y"};
	char cwd[4096];

	ok(getcwd(cwd, sizeof(cwd)), "we stand somewhere");
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		struct settings *s = fresh();
		const char *argv[] = {"--folder", given[i]};
		const char *rest[3];

		ok(!settings_read_flags(&s, 1, 2, argv, rest).code, "%s is read", given[i]);
		is_str(v.folder, arena_printf(arena, "%s/x/y", cwd), "%s is made absolute",
		       given[i]);
	}
}

static void flags(void)
{
	const char *argv[] = {"serve", "--drain-delay=1s", "--bold", "--max_size", "2KiB", "-",
			      "--",    "--name",           "-x"};
	const char *rest[10];
	struct settings *s = fresh();
	struct problem p = settings_read_flags(&s, 1, 9, argv, rest);

	is_str(p.detail ? p.detail : "fine", "fine", "flags are read");
	is_int(v.delay, 1000000, "--name=value");
	ok(v.bold, "a bool flag alone is true");
	is_int(v.size, 2048, "--name value, and underscores do as well");
	is_str(rest[0], "serve", "a word is left over");
	is_str(rest[1], "-", "a lone dash is a word");
	is_str(rest[2], "--name", "after -- everything is a word");
	is_str(rest[3], "-x", "also what looks like a flag");
	ok(!rest[4], "the rest ends with NULL");

	static const struct {
		const char *argv[2];
		int argc;
		const char *detail;
	} cases[] = {
		{{"--nam=x"}, 1, "--nam is not a flag here; did you mean --name?"},
		{{"--listne"}, 1, "--listne is not a flag here; --help lists them"},
		{{"-n", "x"}, 2, "-n is not a flag here; --help lists them"},
		{{"--name"}, 1, "--name wants a value"},
		{{"--threads", "0"}, 2, "--threads: 0 is out of range, want 1 to 64"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		s = fresh();
		p = settings_read_flags(&s, 1, cases[i].argc, cases[i].argv, rest);
		is_str(p.detail ? p.detail : "", cases[i].detail, "%s is refused",
		       cases[i].argv[0]);
	}
}

static char *printed(const struct settings *s, void (*print)(const struct settings *, FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(s, f);
	fclose(f);
	char *kept = arena_dup(arena, text, len);
	free(text);
	return kept;
}

static void prints(void)
{
	const char *env[] = {"THE_URL=postgresql://u:geheim@h/db", NULL};
	struct settings *s = fresh();

	ok(!settings_read_environment(s, env).code, "the environment is read");
	ok(!read_text(s, "token = abcdef\nname = \" # \\\"\"\nmax_size=2048").code, "the file too");
	const char *text = printed(s, settings_print);
	ok(!strstr(text, "geheim"), "a password in a connection is masked");
	ok(!strstr(text, "abcdef"), "a secret is masked");
	ok(strstr(text, "postgresql://u:********@h/db"), "the rest of the connection is shown");
	ok(strstr(text, "# environment, THE_URL\n"), "a variable is named as the origin");
	ok(strstr(text, "# file, f:3: max_size\n"), "a line of the file is named as the origin");
	ok(strstr(text, "# folder           is not set\n"), "what is absent is said to be");

	const char *exact = printed(s, settings_write);
	struct values before = v;
	struct settings *again = fresh();
	struct problem p = read_text(again, exact);
	is_str(p.detail ? p.detail : "fine", "fine", "what was written can be read");
	is_str(v.name, before.name, "a text survives");
	is_str(v.url, before.url, "a connection survives with its password");
	is_str(v.token, before.token, "a secret survives");
	ok(v.size == before.size && v.delay == before.delay && v.colour == before.colour,
	   "numbers survive");
}

static void connections(void)
{
	static const struct {
		const char *given, *shown;
	} cases[] = {
		{"postgresql://h/db", "postgresql://h/db"},
		{"postgresql://h:5432,h2:5433/db?sslmode=require",
		 "postgresql://h:5432,h2:5433/db?sslmode=require"},
		{"postgres://u@h/db", "postgres://u@h/db"},
		{"postgres://u:p@h/db", "postgres://u:********@h/db"},
		{"postgres://u:@h/db", "postgres://u:********@h/db"},
		{"postgres://u:p@ss/w?rd@h/db", "postgres://u:********@h/db"},
		{"postgres://h/db?user=u&password=p&port=1",
		 "postgres://h/db?user=u&password=********&port=1"},
		{"postgres://h/db?%70assword=p", "postgres://h/db?%70assword=********"},
		{"postgres://h/db?sslpassword=p", "postgres://h/db?sslpassword=********"},
		{"host=h dbname=d", "host=h dbname=d"},
		{"host=h password=p dbname=d", "host=h password=******** dbname=d"},
		{"password = 'a b\\' c' host=h", "password = ******** host=h"},
		{"password='open", "password=********"},
		{"sslpassword=x\\ y user=u", "sslpassword=******** user=u"},
		{"host=h oauth_client_secret=s", "host=h oauth_client_secret=********"},
		{"host=h secretword", "host=h********"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_str(connection_mask(arena, cases[i].given), cases[i].shown, "mask of '%s'",
		       cases[i].given);
}

static void quantities(void)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} sizes[] =
		{
			{"0", 0},          {"4096", 4096},
			{"1KiB", 1024},    {"1.5GiB", 1610612736},
			{"2T", 2LL << 40}, {"8388607TiB", 8388607LL << 40},
			{"", -1},          {"-1", -1},
			{".5KiB", -1},     {"1.", -1},
			{"1.1234567", -1}, {"8388608TiB", -1},
			{"1 KiB", -1},     {"99999999999999999999", -1},
		},
	  durations[] = {
		  {"30", 30000000},   {"0.25", 250000},     {"250ms", 250000},
		  {"1.5m", 90000000}, {"12h", 43200000000}, {"90d", 7776000000000},
		  {"7us", 7},         {"1w", -1},           {"s", -1},
	  };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int64_t got = -1;

		ok(size_read(sizes[i].text, &got) == (sizes[i].want >= 0), "size '%s'",
		   sizes[i].text);
		if (sizes[i].want >= 0)
			is_int(got, sizes[i].want, "size '%s' in bytes", sizes[i].text);
	}
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		int64_t got = -1;

		ok(duration_read(durations[i].text, &got) == (durations[i].want >= 0),
		   "duration '%s'", durations[i].text);
		if (durations[i].want >= 0)
			is_int(got, durations[i].want, "duration '%s' in microseconds",
			       durations[i].text);
	}
	is_str(size_text(arena, 65536), "64KiB", "a size in its largest unit");
	is_str(size_text(arena, 1000), "1000", "a size that no unit divides");
	is_str(duration_text(arena, 7776000000000), "90d", "a duration in its largest unit");
	is_str(duration_text(arena, 250000), "250ms", "a duration below a second");
	is_str(duration_text(arena, 0), "0", "no time at all");
}

static void near_misses(void)
{
	static const struct {
		const char *word, *best;
	} cases[] = {
		{"serve", "serve"}, {"sevre", "serve"},    {"srve", "serve"}, {"tokens", "token"},
		{"KEYS", "keys"},   {"migrat", "migrate"}, {"xyz", NULL},     {"", NULL},
	};
	static const char *const words[] = {"serve", "migrate", "keys", "token"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nearest n = nearest_to(cases[i].word);

		for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
			nearest_offer(&n, words[k]);
		is_str(n.best ? n.best : "(none)", cases[i].best ? cases[i].best : "(none)",
		       "the word nearest to '%s'", cases[i].word);
	}
}

int main(void)
{
	arena = arena_new(8 << 20);
	presets();
	precedence();
	file_values();
	file_errors();
	hidden_values_are_checked();
	environment();
	paths();
	flags();
	prints();
	connections();
	quantities();
	near_misses();
	arena_free(arena);
	return tap_done();
}
