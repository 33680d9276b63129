/* commands.h - every command of `hallmark`, one file each. */
#ifndef HALLMARK_CLI_COMMANDS_H
#define HALLMARK_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_push, command_pull, command_verify;
extern const struct command command_list, command_show, command_diff;
extern const struct command command_publish, command_deprecate, command_yank, command_tag;
extern const struct command command_metric_add;
extern const struct command command_alias_set, command_alias_remove, command_alias_list;
extern const struct command command_keys_list, command_keys_trust, command_keys_forget;
extern const struct command command_events;
extern const struct command command_login, command_logout, command_status;
extern const struct command command_version, command_completion, command_help;

#endif
