#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/exit.h"

/* What is known while the words of the command line are read one by one. */
struct reading {
	struct arena *arena;
	char **next;
	struct globals *globals;
	struct parsed *out;
	bool plain; /* "--" was seen */
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

/* ---- naming a command ------------------------------------------------------------- */

static size_t first_word(const char *name)
{
	return strcspn(name, " ");
}

/* "alias" alone: the names that continue it, as a list for a sentence. */
static const char *continuations(struct arena *a, const char *word)
{
	const char *list = NULL;
	size_t len = strlen(word);

	for (const struct command *const *c = commands; *c; c++) {
		const char *name = (*c)->name;

		if (strncmp(name, word, len) != 0 || name[len] != ' ')
			continue;
		list = list ? arena_printf(a, "%s, %s", list, name + len + 1) : name + len + 1;
	}
	return list;
}

static struct problem unknown_command(struct arena *a, const char *word)
{
	enum { MOST = 64 };
	const char *names[MOST];
	size_t n = 0;

	for (const struct command *const *c = commands; *c && n < MOST; c++)
		names[n++] = arena_dup(a, (*c)->name, first_word((*c)->name));

	const char *near = nearest_word(word, names, n);

	if (near)
		return problem(a, CLI_USAGE, "there is no command \"%s\". Did you mean \"%s\"?",
			       word, near);
	return problem(a, CLI_USAGE, "there is no command \"%s\". \"hallmark help\" lists them all",
		       word);
}

static struct problem read_command(struct reading *r, const char *word)
{
	const char *second = *r->next;
	const char *more = continuations(r->arena, word);

	if (more && second) {
		const char *name = arena_printf(r->arena, "%s %s", word, second);

		r->out->command = command_find(name);
		r->next += r->out->command != NULL;
	}
	if (!r->out->command)
		r->out->command = command_find(word);
	if (!r->out->command && more && (!second || second[0] == '-'))
		return problem(r->arena, CLI_USAGE, "\"%s\" wants one of: %s", word, more);
	if (!r->out->command && more)
		return problem(r->arena, CLI_USAGE, "there is no \"%s %s\"; after \"%s\" comes: %s",
			       word, second, word, more);
	if (!r->out->command)
		return unknown_command(r->arena, word);
	r->out->options = arena_alloc(r->arena, r->out->command->size + 1);
	return NO_PROBLEM;
}

/* ---- options ---------------------------------------------------------------------- */

static const struct cli_option *in_table(const struct cli_option *table, const char *name,
					 size_t len)
{
	for (const struct cli_option *o = table; o && o->name; o++)
		if (text_is(name, len, o->name))
			return o;
	return NULL;
}

static const struct cli_option *by_letter(const struct cli_option *table, char letter)
{
	for (const struct cli_option *o = table; o && o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static const struct cli_option *own_options(const struct reading *r)
{
	return r->out->command ? r->out->command->options : NULL;
}

static struct problem unknown_option(const struct reading *r, const char *name)
{
	enum { MOST = 64 };
	const char *names[MOST];
	size_t n = 0;

	for (const struct cli_option *o = own_options(r); o && o->name && n < MOST; o++)
		names[n++] = o->name;
	for (const struct cli_option *o = global_options; o->name && n < MOST; o++)
		names[n++] = o->name;

	const char *near = nearest_word(name, names, n);
	const char *command = r->out->command ? r->out->command->name : NULL;
	const char *of = command ? arena_printf(r->arena, "\"hallmark %s\"", command) : "hallmark";

	if (near)
		return problem(r->arena, CLI_USAGE, "%s has no option --%s. Did you mean --%s?", of,
			       name, near);
	return problem(r->arena, CLI_USAGE, "%s has no option --%s. Its options: hallmark help %s",
		       of, name, command ? command : "");
}

static void texts_add(struct arena *a, struct texts *t, const char *item)
{
	if ((t->count & (t->count - 1)) == 0) { /* full at every power of two */
		const char **wider = arena_array(a, const char *, t->count ? t->count * 2 : 1);

		for (size_t i = 0; i < t->count; i++)
			wider[i] = t->items[i];
		t->items = wider;
	}
	t->items[t->count++] = item;
}

static bool among(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *w = words;; w++) {
		size_t n = strcspn(w, "|");

		if (n == len && memcmp(w, word, n) == 0)
			return true;
		w += n;
		if (!*w)
			return false;
	}
}

static bool number_read(const char *s, int *out)
{
	char *end = NULL;
	long v = strtol(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || v < 1 || v > 1000000000)
		return false;
	*out = (int)v;
	return true;
}

static struct problem put(struct arena *a, const struct cli_option *o, void *base,
			  const char *value)
{
	char *place = (char *)base + o->at;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)(void *)place = true;
		return NO_PROBLEM;
	case OPTION_LIST:
		texts_add(a, (struct texts *)(void *)place, value);
		return NO_PROBLEM;
	case OPTION_NUMBER:
		if (!number_read(value, (int *)(void *)place))
			return problem(a, CLI_USAGE,
				       "--%s wants a whole number from 1 on, not \"%s\"", o->name,
				       value);
		return NO_PROBLEM;
	case OPTION_WORD:
		if (!among(o->value, value))
			return problem(a, CLI_USAGE, "--%s is one of %s, not \"%s\"", o->name,
				       o->value, value);
		break;
	case OPTION_TEXT:
		break;
	}
	*(const char **)(void *)place = value;
	return NO_PROBLEM;
}

static struct problem take(struct reading *r, const struct cli_option *o, bool global,
			   const char *value)
{
	void *base = global ? (void *)r->globals : r->out->options;

	if (o->kind == OPTION_FLAG && value)
		return problem(r->arena, CLI_USAGE, "--%s takes no value", o->name);
	if (o->kind != OPTION_FLAG && !value && !*r->next)
		return problem(r->arena, CLI_USAGE, "--%s wants a value: %s", o->name, o->value);
	if (o->kind != OPTION_FLAG && !value)
		value = *r->next++;
	return put(r->arena, o, base, value);
}

static struct problem read_long(struct reading *r, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] ? word + len + 1 : NULL;
	const struct cli_option *o = in_table(own_options(r), word, len);

	if (o)
		return take(r, o, false, value);
	o = in_table(global_options, word, len);
	if (o)
		return take(r, o, true, value);
	return unknown_option(r, arena_dup(r->arena, word, len));
}

/* "-q", "-j8": letters do not stand together, one word is one option. */
static struct problem read_short(struct reading *r, const char *word)
{
	const char *value = word[1] ? word + 1 : NULL;
	const struct cli_option *o = by_letter(own_options(r), *word);

	if (o)
		return take(r, o, false, value);
	o = by_letter(global_options, *word);
	if (o)
		return take(r, o, true, value);
	return unknown_option(r, arena_dup(r->arena, word, 1));
}

/* ---- the whole line --------------------------------------------------------------- */

static struct problem read_word(struct reading *r, const char *word)
{
	if (!r->plain && strcmp(word, "--") == 0) {
		r->plain = true;
		return NO_PROBLEM;
	}
	if (!r->out->command && strcmp(word, "--version") == 0)
		word = "version";
	if (!r->plain && word[0] == '-' && word[1] == '-')
		return read_long(r, word + 2);
	if (!r->plain && word[0] == '-' && word[1])
		return read_short(r, word + 1);
	if (!r->out->command)
		return read_command(r, word);
	r->out->operands[r->out->count++] = word;
	return NO_PROBLEM;
}

static struct problem check_count(struct arena *a, const struct parsed *p)
{
	const struct command *c = p->command;

	if (p->count < c->least)
		return problem(a, CLI_USAGE, "something is missing: hallmark %s %s", c->name,
			       c->operands);
	if (p->count > c->most)
		return problem(a, CLI_USAGE, "\"%s\" is one word too many: hallmark %s %s",
			       p->operands[c->most], c->name, c->operands);
	return NO_PROBLEM;
}

/* "hallmark push --help" is "hallmark help push". */
static void turn_to_help(struct arena *a, struct parsed *out)
{
	const char *about = out->command ? out->command->name : NULL;

	out->command = command_find("help");
	out->options = arena_alloc(a, out->command->size + 1);
	out->count = about != NULL;
	out->operands[0] = about;
	out->operands[out->count] = NULL;
}

struct problem command_parse(struct arena *a, char **argv, void *globals, struct parsed *out)
{
	struct reading r = {a, argv + 1, globals, out, false};
	size_t words = 1;

	while (argv[words])
		words++;
	*out = (struct parsed){.operands = arena_array(a, const char *, words + 2)};
	while (*r.next) {
		const char *word = *r.next++;

		TRY(read_word(&r, word));
	}
	if (!out->command || r.globals->help) {
		turn_to_help(a, out);
		return NO_PROBLEM;
	}
	return check_count(a, out);
}
