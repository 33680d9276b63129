#include "base/json_in.h"

#include <stdbool.h>
#include <string.h>

#include "base/json_memory.h"

/* Our words for jansson's; the others keep its own text. */
static const char *const parse_faults[] = {
	[json_error_invalid_utf8] = "the body is not valid UTF-8",
	[json_error_premature_end_of_input] = "the body ends too early",
	[json_error_end_of_input_expected] = "something follows the end of the JSON value",
	[json_error_invalid_syntax] = "the body is not valid JSON",
	[json_error_null_character] = "text cannot hold U+0000",
	[json_error_null_byte_in_key] = "a member's name cannot hold U+0000",
	[json_error_duplicate_key] = "a member stands twice in one object",
	[json_error_numeric_overflow] =
		"a number is too large; integers are 64 bits, others IEEE doubles",
};

static const char *parse_fault(const json_error_t *e)
{
	const size_t code = json_error_code(e);

	if (code < sizeof(parse_faults) / sizeof(parse_faults[0]) && parse_faults[code])
		return parse_faults[code];
	return "the body is not valid JSON";
}

/* Before the parser, which would build the tree first. Escapes end a string only to
 * someone who does not read them, so they are read here too. */
static bool too_deep(const char *bytes, size_t len)
{
	int depth = 0;
	bool in_text = false;

	for (size_t i = 0; i < len; i++) {
		const char c = bytes[i];

		if (in_text) {
			i += c == '\\';
			in_text = c != '"';
		} else if (c == '"') {
			in_text = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

static json_t *parse_into(struct arena *a, const char *bytes, size_t len, json_error_t *e)
{
	struct arena *before = json_use_arena(a);
	json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, e);

	json_use_arena(before);
	return root;
}

struct problem json_in(struct arena *a, const char *bytes, size_t len, json_t **root)
{
	json_error_t e;

	if (len == 0)
		return problem_at_pointer(a, "", "the body is empty; send a JSON object");
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		return problem_at_pointer(a, "",
					  "the body opens with a byte order mark; leave it out");
	if (too_deep(bytes, len))
		return problem_at_pointer(a, "", "the body is nested deeper than %d levels",
					  JSON_DEPTH);
	*root = parse_into(a, bytes, len, &e);
	if (!*root)
		return problem_at_pointer(a, "", "%s, at line %d column %d", parse_fault(&e),
					  e.line, e.column);
	return NO_PROBLEM;
}
