/* help.h - what the command table says, as help on a screen and as a man page. */
#ifndef HALLMARK_CLI_HELP_H
#define HALLMARK_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

void help_overview(FILE *to);
void help_command(FILE *to, const struct command *c);
void help_manual(FILE *to); /* roff with the man macros, section 1 */

struct variable {
	const char *name, *help;
};
extern const struct variable variables[]; /* of the environment; ends without name */

#endif
