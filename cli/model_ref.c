#include "cli/model_ref.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/text.h"
#include "cli/exit.h"

static const char *default_project(void)
{
	const char *p = getenv("HALLMARK_PROJECT");

	return p && *p ? p : "default";
}

/* "v7" and "v1.2.3" are references of their own; so are "x" and "X" (any version). */
static bool is_alias_word(const char *s)
{
	if (!ascii_letter(*s) || strcmp(s, "latest") == 0 || strcmp(s, "newest") == 0)
		return false;
	if ((*s == 'v' || *s == 'V') && ascii_digit(s[1]))
		return false;
	return !((*s == 'x' || *s == 'X') && (s[1] == '\0' || s[1] == '.'));
}

const char *reference_text(struct arena *a, const char *reference)
{
	return is_alias_word(reference) ? arena_printf(a, "@%s", reference) : reference;
}

/* "1.4.2", "v1.4.2-rc.1+build": a version and nothing else. */
static bool is_exact(const char *reference)
{
	int dots = 0;
	const char *s = reference + (*reference == 'v');

	if (!ascii_digit(*s))
		return false;
	for (; ascii_digit(*s) || *s == '.'; s++)
		dots += *s == '.';
	return dots == 2 && (*s == '\0' || *s == '-' || *s == '+') && s[-1] != '.';
}

/* Without build metadata in the reference, any build will do. */
static bool answers_exact(const char *reference, const char *version)
{
	const char *wanted = reference + (*reference == 'v');
	size_t len = strchr(wanted, '+') ? strlen(version) : strcspn(version, "+");

	return strlen(wanted) == len && memcmp(wanted, version, len) == 0;
}

static bool answers_ordinal(const char *reference, int64_t ordinal)
{
	char *end = NULL;
	long long n = strtoll(reference + 1, &end, 10);

	return *end || n == ordinal;
}

bool reference_answers(const char *reference, const char *version, int64_t ordinal)
{
	if (!reference)
		return true;
	if (is_exact(reference))
		return answers_exact(reference, version);
	if (reference[0] == 'v' && ascii_digit(reference[1]))
		return answers_ordinal(reference, ordinal);
	return true;
}

struct problem model_ref_read(struct arena *a, const char *text, struct model_ref *out)
{
	size_t len = strcspn(text, "@");
	const char *slash = memchr(text, '/', len);
	size_t project = slash ? (size_t)(slash - text) : 0;
	const char *model = slash ? slash + 1 : text;
	size_t model_len = len - (size_t)(model - text);

	if (model_len == 0 || (slash && project == 0) || memchr(model, '/', model_len))
		return problem(a, CLI_USAGE,
			       "\"%s\" names no model: write PROJECT/MODEL, such as "
			       "default/minilm, and for a version PROJECT/MODEL@REFERENCE",
			       text);
	if (text[len] == '@' && !text[len + 1])
		return problem(
			a, CLI_USAGE,
			"\"%s\" ends in @: a version follows it, such as 1.4.2, ^1.4, latest, "
			"v7 or @champion",
			text);
	*out = (struct model_ref){
		.project = slash ? arena_dup(a, text, project) : default_project(),
		.model = arena_dup(a, model, model_len),
		.reference = text[len] ? reference_text(a, text + len + 1) : NULL,
	};
	return NO_PROBLEM;
}

static const char *segment(struct arena *a, const char *s)
{
	return percent_text(a, s, strlen(s), "");
}

const char *model_target(struct arena *a, const struct model_ref *m, const char *tail)
{
	return arena_printf(a, "/api/v1/projects/%s/models/%s%s", segment(a, m->project),
			    segment(a, m->model), tail);
}

const char *version_target(struct arena *a, const struct model_ref *m, const char *reference,
			   const char *tail)
{
	return arena_printf(a, "%s/%s%s", model_target(a, m, "/versions"),
			    segment(a, reference ? reference : "latest"), tail);
}
