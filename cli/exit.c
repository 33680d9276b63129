#include "cli/exit.h"

static const struct {
	enum problem_code code;
	enum exit_code leave;
} leaves[] = {
	{PROBLEM_NONE, LEAVE_DONE},
	{PROBLEM_INVALID, LEAVE_USAGE},
	{PROBLEM_DIGEST_MISMATCH, LEAVE_BAD_DIGEST},
	{PROBLEM_UNAUTHENTICATED, LEAVE_NO_ACCESS},
	{PROBLEM_FORBIDDEN, LEAVE_FORBIDDEN},
	{PROBLEM_NOT_FOUND, LEAVE_NOT_FOUND},
	{PROBLEM_GONE, LEAVE_NO_VERSION},
	{PROBLEM_TIMEOUT, LEAVE_AWAY},
	{PROBLEM_CONFLICT, LEAVE_CONFLICT},
	{PROBLEM_IMMUTABLE, LEAVE_CONFLICT},
	{PROBLEM_PRECONDITION_FAILED, LEAVE_CONFLICT},
	{PROBLEM_PRECONDITION_REQUIRED, LEAVE_CONFLICT},
	{PROBLEM_NOT_PUBLISHABLE, LEAVE_REFUSED},
	{PROBLEM_BUSY, LEAVE_AWAY},
	{PROBLEM_UNAVAILABLE, LEAVE_AWAY},
	{PROBLEM_OUTCOME_UNKNOWN, LEAVE_AWAY},
	{CLI_USAGE, LEAVE_USAGE},
	{CLI_UNSIGNED, LEAVE_UNSIGNED},
	{CLI_NO_VERSION, LEAVE_NO_VERSION},
	{CLI_BAD_SIGNATURE, LEAVE_BAD_SIGNATURE},
	{CLI_INTERRUPTED, LEAVE_INTERRUPTED},
};

static const char *const client_types[] = {
	"usage", "unsigned", "no-version", "bad-signature", "failed", "interrupted",
};

enum exit_code exit_code_of(enum problem_code code)
{
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (leaves[i].code == code)
			return leaves[i].leave;
	return LEAVE_FAILED;
}

const char *exit_type_of(enum problem_code code)
{
	size_t past = (size_t)code - PROBLEM_COUNT;

	if ((size_t)code < PROBLEM_COUNT)
		return problem_kinds[code].type;
	return past < sizeof(client_types) / sizeof(client_types[0]) ? client_types[past]
								     : "failed";
}

const char *exit_meaning(enum exit_code code)
{
	static const struct {
		enum exit_code code;
		const char *meaning;
	} rows[] = {
#define X(name, code, meaning) {LEAVE_##name, meaning},
		EXIT_TABLE(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].meaning;
	return "";
}
