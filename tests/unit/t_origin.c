#include "base/origin.h"

#include "tests/unit/tap.h"

static const struct {
	const char *text, *want; /* want NULL: refused */
} origins[] = {
	{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
	{"http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
	{"HTTPS://Registry.Example", "https://registry.example"},
	{"https://registry.example:443", "https://registry.example"},
	{"http://registry.example:80/", "http://registry.example"},
	{"https://registry.example/hallmark/", "https://registry.example/hallmark"},
	{"http://[::1]:8080", "http://[::1]:8080"},
	{"registry.example", NULL},
	{"ftp://registry.example", NULL},
	{"file:///etc/passwd", NULL},
	{"http://", NULL},
	{"", NULL},
	{"http://user:secret@registry.example", NULL},
	{"http://user@registry.example", NULL},
	{"http://registry.example?x=1", NULL},
	{"http://registry.example/#top", NULL},
	{"http://registry.example:99999", NULL},
};

static void test_origins(struct arena *a)
{
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		const char *origin = NULL;
		struct problem p = origin_read(a, origins[i].text, &origin);

		if (origins[i].want)
			is_str(origin, origins[i].want, "\"%s\" is an origin", origins[i].text);
		else
			is_int(p.code, PROBLEM_INVALID, "\"%s\" is none", origins[i].text);
	}
}

static void test_secret_is_not_repeated(struct arena *a)
{
	const char *origin = NULL;
	struct problem p = origin_read(a, "http://user:s3cret@registry.example", &origin);

	ok(p.detail && !strstr(p.detail, "s3cret"), "a password in the address is not printed");
}

int main(void)
{
	struct arena *a = arena_new(64 << 10);

	test_origins(a);
	test_secret_is_not_repeated(a);
	arena_free(a);
	return tap_done();
}
