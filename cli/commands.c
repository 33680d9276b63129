#include "cli/commands.h"

#include "cli/cli.h"

const struct command *const commands[] = {
	&command_push,
	&command_pull,
	&command_verify,
	&command_list,
	&command_show,
	&command_diff,
	&command_publish,
	&command_deprecate,
	&command_yank,
	&command_tag,
	&command_metric_add,
	&command_alias_set,
	&command_alias_remove,
	&command_alias_list,
	&command_keys_list,
	&command_keys_trust,
	&command_keys_forget,
	&command_events,
	&command_login,
	&command_logout,
	&command_status,
	&command_version,
	&command_completion,
	&command_help,
	NULL,
};

#define AT(member) offsetof(struct globals, member)
const struct cli_option global_options[] = {
	{"url", 0, OPTION_TEXT, AT(url), "URL", "The registry to talk to."},
	{"token-file", 0, OPTION_TEXT, AT(token_file), "FILE", "The file with the access token."},
	{"ca-file", 0, OPTION_TEXT, AT(ca_file), "FILE",
	 "Certificates (PEM) to trust for https, in place of the system's."},
	{"json", 0, OPTION_FLAG, AT(json), NULL,
	 "Print data as JSON, and a failure as a problem document (RFC 9457)."},
	{"quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "Print only what was asked for."},
	{"verbose", 'v', OPTION_FLAG, AT(verbose), NULL, "Show every request on standard error."},
	{"no-color", 0, OPTION_FLAG, AT(no_color), NULL, "Print without colours."},
	{"no-progress", 0, OPTION_FLAG, AT(no_progress), NULL, "Show no progress of transfers."},
	{"help", 'h', OPTION_FLAG, AT(help), NULL, "Show the help of the command."},
	{.name = NULL},
};
#undef AT
