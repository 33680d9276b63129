/* command.h - the commands of hallmarkd, as a table that feeds the parser and the help. */
#ifndef HALLMARK_HALLMARKD_COMMAND_H
#define HALLMARK_HALLMARKD_COMMAND_H

#include <stddef.h>

#include "base/arena.h"
#include "base/problem.h"
#include "base/setting.h"
#include "hallmarkd/config.h"

/* One run of a command. */
struct invocation {
	struct arena *arena;
	const struct config *config;
	struct settings *settings;
	const void *options;      /* the command's own struct, filled from its table */
	const char *const *words; /* what follows the command's name, NULL-ended */
	int nwords;
	int status; /* set by commands that end with one of their own */
};

struct command {
	const char *name;      /* one or two words */
	const char *arguments; /* as the help writes them; NULL: none */
	const char *summary;   /* NULL: not shown, for processes that hallmarkd starts itself */
	const char *example;
	int min_words, max_words;
	const struct setting_table *options; /* NULL: none */
	size_t options_size;
	struct problem (*run)(struct invocation *in);
};

/* keys.c, token.c, operate.c */
struct problem keys_list(struct invocation *in) MUST_CHECK;
struct problem keys_add(struct invocation *in) MUST_CHECK;
struct problem keys_retire(struct invocation *in) MUST_CHECK;
struct problem token_create(struct invocation *in) MUST_CHECK;
struct problem token_list(struct invocation *in) MUST_CHECK;
struct problem token_revoke(struct invocation *in) MUST_CHECK;
struct problem run_serve(struct invocation *in) MUST_CHECK;
struct problem run_migrate(struct invocation *in) MUST_CHECK;
struct problem run_config(struct invocation *in) MUST_CHECK;
struct problem run_prepare(struct invocation *in) MUST_CHECK;
struct problem run_service(struct invocation *in) MUST_CHECK;
struct problem run_signer(struct invocation *in) MUST_CHECK;

extern const struct setting_table keys_retire_options, token_create_options, token_list_options;

struct keys_retire_options {
	bool force;
};
struct token_create_options {
	const char *role, *project, *description;
	int64_t expires; /* microseconds from now; 0: never */
};
struct token_list_options {
	const char *principal;
};

/* The exit status: 0, or by the problem's kind as `hallmarkd help` lists them. */
int command_main(int argc, const char *const *argv);

#endif
