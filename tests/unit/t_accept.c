/* Media types that a client takes (RFC 9110 section 12.5.1). */
#include "tap.h"

#include "api/accept.h"

#define JSON     "application/json"
#define ENVELOPE "application/vnd.dsse.envelope.v1+json"
#define BUNDLE   "application/vnd.dev.sigstore.bundle.v0.3+json"
#define TEXT     "text/plain"

static const char *const json[] = {JSON, NULL};
static const char *const text[] = {TEXT, NULL};
static const char *const two[] = {ENVELOPE, BUNDLE, NULL};
static const char *const full[] = {"a/a", "a/b", "a/c", "a/d", NULL};

static const struct {
	const char *value; /* lines, "|" between them */
	const char *const *types;
	const char *choice; /* NULL: none */
} rows[] = {
	/* nothing is said */
	{NULL, json, JSON},
	{"", json, JSON},
	{" ", json, JSON},
	{",", json, JSON},
	{"nonsense", json, JSON},
	{"/", json, JSON},
	{"text/", json, JSON},
	{"/json", json, JSON},
	{"text/html text/plain", json, JSON},
	{"text/html;q=high", json, JSON},
	{"text/html;q=", json, JSON},
	{"text/html;q=.", json, JSON},
	{"text/html;q=-1", json, JSON},
	/* the type, its family, anything */
	{"application/json", json, JSON},
	{"Application/JSON", json, JSON},
	{"application/*", json, JSON},
	{"*/*", json, JSON},
	{"*", json, JSON},
	{"text/html, application/json", json, JSON},
	{"text/html|application/json", json, JSON},
	{"text/html,,application/json,", json, JSON},
	{"application/json; charset=utf-8", json, JSON},
	{"application/json\t;\tcharset=\"a,b;q=0\"", json, JSON},
	{"text/html;x=\",application/json\"", json, NULL},
	{"text/html;x=\"\\\",application/json\"", json, NULL},
	/* as browsers, Prometheus and Java write it */
	{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", json, JSON},
	{"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3", text,
	 TEXT},
	{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", json, JSON},
	/* none of them */
	{"text/html", json, NULL},
	{"image/*", json, NULL},
	{"app/*", json, NULL},
	{"application/jsonp", json, NULL},
	{"application/jso", json, NULL},
	{"application/xml|text/html", json, NULL},
	{"application/json", text, NULL},
	{"nonsense, text/html", json, NULL},
	/* q=0: not that one; the most specific range counts */
	{"application/json;q=0", json, NULL},
	{"application/json;q=0.000", json, NULL},
	{"application/json;Q=0", json, NULL},
	{"application/json;q=0.001", json, JSON},
	{"application/json;q=0.0009", json, NULL},
	{"application/json;q=0, */*", json, NULL},
	{"*/*, application/json;q=0", json, NULL},
	{"application/*;q=0, */*", json, NULL},
	{"application/*;q=0, application/json;q=0.1", json, JSON},
	{"*/*;q=0", json, NULL},
	{"application/json;q=0, application/json", json, JSON},
	{"application/json;q=9", json, JSON},
	/* who reads one JSON reads another */
	{"application/problem+json", json, JSON},
	{"application/problem+json, application/json;q=0", json, NULL},
	{"application/json", two, ENVELOPE},
	{"application/vnd.api+json", json, NULL},
	{"application/problem+json", text, NULL},
	{"application/json;q=0, */*", two, ENVELOPE},
	{"application/json, " ENVELOPE ";q=0", two, BUNDLE},
	/* the one that it takes best */
	{"*/*", two, ENVELOPE},
	{BUNDLE, two, BUNDLE},
	{ENVELOPE ", " BUNDLE, two, ENVELOPE},
	{ENVELOPE ";q=0.8, " BUNDLE ";q=0.9", two, BUNDLE},
	{ENVELOPE ";q=0.2, */*;q=0.1", two, ENVELOPE},
	{"*/*;q=0.1, " BUNDLE, two, BUNDLE},
	{"*/*, " BUNDLE ";q=0.5", two, ENVELOPE},
	{"a/d;q=0.9, a/*;q=0.8", full, "a/d"},
	{"a/b;q=0.999, a/c;q=1.0, a/d;q=1", full, "a/c"},
};

static const char *choice(const char *value, const char *const *types)
{
	static struct accept a;
	char lines[200], *line = lines, *end;

	accept_begin(&a, types);
	if (!value)
		return accept_choice(&a);
	snprintf(lines, sizeof(lines), "%s", value);
	do {
		end = line + strcspn(line, "|");
		const bool more = *end == '|';
		*end = '\0';
		accept_line(&a, line);
		line = more ? end + 1 : NULL;
	} while (line);
	return accept_choice(&a);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = choice(rows[i].value, rows[i].types);

		if (rows[i].choice)
			is_str(got ? got : "none", rows[i].choice, "%s",
			       rows[i].value ? rows[i].value : "absent");
		else
			ok(!got, "%s takes none of them", rows[i].value);
	}
	return tap_done();
}
