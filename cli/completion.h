/* completion.h - the command table as completion scripts for bash, zsh and fish. */
#ifndef HALLMARK_CLI_COMPLETION_H
#define HALLMARK_CLI_COMPLETION_H

#include <stdio.h>

#include "cli/command.h"

void completion_bash(FILE *to);
void completion_zsh(FILE *to);
void completion_fish(FILE *to);

#endif
