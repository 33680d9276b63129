/* Names: the first byte chooses the rule. What a rule lets through is what the registry
 * relies on: valid UTF-8 in normal form, nothing hidden, no path that leaves its folder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "registry/name.h"
#include "registry/notation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static name_rule *const rules[] = {
	name_path,       name_model,      name_project, name_alias, name_tag,
	name_tag_value,  name_metric,     name_dataset, name_slice, notation_media_type,
	notation_digest, notation_commit, notation_uri, name_note,
};

/* As a file system would walk it. */
static void check_path(struct arena *a, const char *path, size_t len)
{
	char *rest = arena_dup(a, path, len);

	for (char *part = strsep(&rest, "/"); part; part = strsep(&rest, "/")) {
		if (!*part || strcmp(part, ".") == 0 || strcmp(part, "..") == 0 ||
		    strlen(part) > 255 || strchr(part, '\\'))
			abort();
	}
}

static bool has_line_ends(name_rule *rule)
{
	return rule == name_tag_value || rule == name_note || rule == notation_media_type;
}

static void check_good(struct arena *a, name_rule *rule, const char *s, size_t len)
{
	if (strlen(s) != len || !utf8_valid(s, len))
		abort();
	if (rule != name_note && !utf8_is_nfc(s, len)) /* prose may be in any form */
		abort();
	if (!has_line_ends(rule) && utf8_forbidden(s, len) >= 0)
		abort();
	if (rule == name_path)
		check_path(a, s, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *a = arena_new(1 << 20);
	name_rule *rule = rules[data[0] % (sizeof(rules) / sizeof(rules[0]))];
	const char *s = arena_dup(a, (const char *)data + 1, size - 1);
	const struct problem p = rule(a, "/name", s, size - 1);

	if (p.code == PROBLEM_NONE)
		check_good(a, rule, s, size - 1);
	else if (!utf8_valid(p.detail, strlen(p.detail)))
		abort();
	arena_free(a);
	return 0;
}
