/* hallmark keys list: which keys sign there, which are trusted here. */
#include <string.h>

#include "cli/commands.h"
#include "cli/keyring.h"
#include "cli/screen.h"
#include "cli/server.h"

struct keys_list_options {
	bool pem, minisign;
};

static const char *trusted(const struct keyring *ring, const json_t *row)
{
	const char *id = json_text(row, "id");
	unsigned char bytes[MINISIGN_ID_BYTES];

	if (!ring->count || !id || !minisign_id_read(id, strlen(id), bytes))
		return NULL;
	return keyring_key(ring, bytes) ? "yes" : "no";
}

static void print_form(const json_t *items, const char *form)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const char *text = json_text(json_array_get(items, i), form);

		if (text)
			printf("%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
	}
}

static void print_table(struct cli *cli, const json_t *items, const struct keyring *ring)
{
	static const char *const heads[] = {"KEY", "STATE", "CREATED", "TRUSTED HERE", NULL};
	struct table *t = table_new(cli, heads);

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *row = json_array_get(items, i);

		table_cell(t, json_text(row, "id"));
		table_cell(t, json_text(row, "state"));
		table_cell(t, time_short(cli->arena, json_text(row, "created_at")));
		table_cell(t, trusted(ring, row));
	}
	table_print(t);
}

static struct problem run(struct cli *cli, const void *given)
{
	const struct keys_list_options *o = given;
	struct keyring ring;
	json_t *page = NULL;

	TRY(server_get(cli, "/api/v1/keys", &page));
	TRY(keyring_kept(cli->arena, cli->server.origin, &ring));
	if (cli->globals.json)
		cli_print_json(cli, page);
	else if (o->pem || o->minisign)
		print_form(json_object_get(page, "items"), o->pem ? "pem" : "minisign");
	else
		print_table(cli, json_object_get(page, "items"), &ring);
	return NO_PROBLEM;
}

static const struct cli_option options[] = {
	{"minisign", 0, OPTION_FLAG, offsetof(struct keys_list_options, minisign), NULL,
	 "Print the keys as minisign key files, one after the other."},
	{"pem", 0, OPTION_FLAG, offsetof(struct keys_list_options, pem), NULL,
	 "Print the keys as PEM, for openssl and cosign."},
	{.name = NULL},
};

const struct command command_keys_list = {
	.name = "keys list",
	.operands = "",
	.summary = "List the registry's signing keys and which are trusted here",
	.options = options,
	.size = sizeof(struct keys_list_options),
	.examples =
		(const struct example[]){
			{"All of them", "hallmark keys list"},
			{"For --key, from a connection you trust",
			 "hallmark keys list --minisign > registry.pub"},
			{NULL, NULL},
		},
	.run = run,
};
