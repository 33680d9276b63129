/* exit.h - what the exit status of `hallmark` tells a script.
 *
 * A contract: rows are added, never changed. Help, the man page and --json
 * errors read this table.
 */
#ifndef HALLMARK_CLI_EXIT_H
#define HALLMARK_CLI_EXIT_H

#include "base/problem.h"

/*   name            code  meaning */
#define EXIT_TABLE(X)                                                                              \
	X(DONE, 0, "Done.")                                                                        \
	X(FAILED, 1, "Something went wrong that no other code names.")                             \
	X(USAGE, 2, "The command line or what it asks for is not valid.")                          \
	X(NOT_FOUND, 3, "There is no such project, model, file or alias.")                         \
	X(NO_ACCESS, 4, "A valid access token is needed.")                                         \
	X(FORBIDDEN, 5, "The access token does not allow this.")                                   \
	X(CONFLICT, 6, "What is stored stands against it.")                                        \
	X(AWAY, 7, "The registry cannot be reached or is busy: try again later.")                  \
	X(UNSIGNED, 10, "There is no signature.")                                                  \
	X(NO_VERSION, 11, "The model has no version that the reference means.")                    \
	X(BAD_SIGNATURE, 12, "A signature does not match, or its key is not trusted.")             \
	X(BAD_DIGEST, 14, "Files are changed, missing or extra.")                                  \
	X(REFUSED, 15, "A rule of the registry refuses it.")                                       \
	X(INTERRUPTED, 130, "Interrupted; the same command goes on where it ended.")

enum exit_code {
#define X(name, code, meaning) LEAVE_##name = (code),
	EXIT_TABLE(X)
#undef X
};

/* Problems that only a client has; they continue base/problem.h's codes. */
#define CLI_USAGE         ((enum problem_code)(PROBLEM_COUNT + 0))
#define CLI_UNSIGNED      ((enum problem_code)(PROBLEM_COUNT + 1))
#define CLI_NO_VERSION    ((enum problem_code)(PROBLEM_COUNT + 2))
#define CLI_BAD_SIGNATURE ((enum problem_code)(PROBLEM_COUNT + 3))
#define CLI_FAILED        ((enum problem_code)(PROBLEM_COUNT + 4))
#define CLI_INTERRUPTED   ((enum problem_code)(PROBLEM_COUNT + 5))

enum exit_code exit_code_of(enum problem_code code);
const char *exit_type_of(enum problem_code code); /* last segment of the problem type */
const char *exit_meaning(enum exit_code code);

#endif
