#include "registry/labels.h"

#include <string.h>

#include "registry/name.h"

static struct problem check_tag(struct arena *a, const char *at, const char *key,
				const json_t *value, bool patch)
{
	TRY(name_tag(a, at, key, strlen(key)));
	if (patch && json_is_null(value))
		return NO_PROBLEM;
	if (!json_is_string(value))
		return problem_at(a, at, "a tag's value has to be text%s",
				  patch ? ", or null to remove the tag" : "");
	return name_tag_value(a, at, json_string_value(value), json_string_length(value));
}

static void look_at_tags(struct draft *d, const char *pointer, const json_t *tags, bool patch)
{
	struct arena *a = draft_arena(d);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)tags, key, value)
	{
		draft_add(d, check_tag(a, pointer_member(a, pointer, key), key, value, patch));
	}
}

void tags_look(struct draft *d, const char *pointer, const json_t *tags)
{
	look_at_tags(d, pointer, tags, false);
}

void tags_patch_look(struct draft *d, const char *pointer, const json_t *tags)
{
	look_at_tags(d, pointer, tags, true);
}

void params_look(struct draft *d, const char *pointer, const json_t *params)
{
	struct arena *a = draft_arena(d);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)params, key, value)
	{
		draft_add(d, name_param(a, pointer_member(a, pointer, key), key, strlen(key)));
	}
}
