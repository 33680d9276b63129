#include "cli/server.h"

#include <stdio.h>
#include <string.h>

#include "base/http_answer.h"
#include "base/json_out.h"
#include "base/text.h"
#include "cli/credentials.h"
#include "cli/exit.h"

enum { PAGE = 500 };

static void trace(const char *method, const char *url, long status)
{
	fprintf(stderr, "%s %s -> %ld\n", method, url, status);
}

struct problem server_connect(struct cli *cli)
{
	const char *from = NULL;

	if (cli->http)
		return NO_PROBLEM;
	cli->server = (struct http_options){
		.agent = "hallmark/" HALLMARK_VERSION,
		.ca_file = cli->globals.ca_file,
		.stop = &cli_stop,
		.trace = cli->globals.verbose ? trace : NULL,
	};
	TRY(credentials_url(cli, &cli->server.origin, &from));
	TRY(credentials_token(cli, cli->server.origin, &cli->server.token, &from));
	cli->http = http_new(&cli->server);
	if (!cli->http)
		return problem(cli->arena, CLI_FAILED, "there is no memory left");
	return NO_PROBLEM;
}

struct http *server_another(const struct cli *cli)
{
	return http_new(&cli->server);
}

/* A 401 without a token is the most common first step: say where one comes from. */
static struct problem explained(const struct cli *cli, struct problem p)
{
	if (p.code == PROBLEM_UNAUTHENTICATED && !cli->server.token)
		p.detail = arena_printf(cli->arena,
					"%s. Give it with --token-file, HALLMARK_TOKEN_FILE or "
					"HALLMARK_TOKEN, or keep it once with \"hallmark login\"",
					p.detail);
	return p;
}

static struct problem exchange(struct cli *cli, struct http_call *call)
{
	TRY(server_connect(cli));
	TRY(http_do(cli->http, cli->arena, call));
	return explained(cli, http_accept(cli->arena, call));
}

static struct problem tree_of(struct arena *a, const struct http_call *call, json_t **tree)
{
	json_error_t e;

	*tree = cli_own(a, json_loadb(call->text, call->len, JSON_REJECT_DUPLICATES, &e));
	if (*tree)
		return NO_PROBLEM;
	return problem(a, PROBLEM_UNAVAILABLE,
		       "%s %s was not answered with JSON (%s): is this the address of a Hallmark "
		       "registry?",
		       call->method, call->target, e.text);
}

struct problem server_get_tagged(struct cli *cli, const char *target, json_t **tree,
				 const char **etag)
{
	struct http_call call = {.method = "GET", .target = target};

	TRY(exchange(cli, &call));
	*etag = http_received(&call, "ETag");
	return tree_of(cli->arena, &call, tree);
}

struct problem server_get(struct cli *cli, const char *target, json_t **tree)
{
	const char *etag = NULL;

	return server_get_tagged(cli, target, tree, &etag);
}

struct problem server_text(struct cli *cli, const char *target, const char **text, size_t *len)
{
	struct http_call call = {.method = "GET", .target = target};

	TRY(exchange(cli, &call));
	*text = call.text;
	*len = call.len;
	return NO_PROBLEM;
}

static const char *json_body(struct arena *a, const json_t *tree)
{
	struct json_out j = json_out_new(a);

	jw_tree(&j, tree);
	return jw_done(&j);
}

struct problem server_send(struct cli *cli, const char *method, const char *target,
			   const char *const *headers, const json_t *body, json_t **tree)
{
	struct http_call call = {
		.method = method,
		.target = target,
		.headers = headers,
		.body = body ? json_body(cli->arena, body) : NULL,
	};

	TRY(exchange(cli, &call));
	return tree ? tree_of(cli->arena, &call, tree) : NO_PROBLEM;
}

struct problem server_version_name(const struct cli *cli, const json_t *document,
				   const char **version)
{
	*version = json_text(document, "version");
	return *version ? NO_PROBLEM
			: problem(cli->arena, PROBLEM_UNAVAILABLE,
				  "the registry's answer names no version");
}

const char *with_query(struct arena *a, const char *target, const char *name, const char *value)
{
	if (!value)
		return target;
	return arena_printf(a, "%s%c%s=%s", target, strchr(target, '?') ? '&' : '?', name,
			    percent_text(a, value, strlen(value), ""));
}

static struct problem page_of(struct cli *cli, const char *target, const json_t **items,
			      const char **next)
{
	json_t *page = NULL;

	TRY(server_get(cli, target, &page));
	*items = json_object_get(page, "items");
	if (!json_is_array(*items))
		return problem(cli->arena, PROBLEM_UNAVAILABLE,
			       "GET %s was not answered with a list", target);
	*next = json_text(page, "next_page_token");
	return NO_PROBLEM;
}

struct problem server_list(struct cli *cli, const char *target, size_t most, json_t **items)
{
	size_t page = most && most < PAGE ? most : PAGE;
	const char *size = arena_printf(cli->arena, "%zu", page);
	const char *first = with_query(cli->arena, target, "page_size", size);
	const char *next = NULL, *at = first;

	*items = cli_own(cli->arena, json_array());
	do {
		const json_t *some = NULL;

		TRY(page_of(cli, at, &some, &next));
		for (size_t i = 0; i < json_array_size(some); i++)
			if (!most || json_array_size(*items) < most)
				json_array_append(*items, json_array_get(some, i));
		at = with_query(cli->arena, first, "page_token", next);
	} while (next && (!most || json_array_size(*items) < most));
	return NO_PROBLEM;
}

static struct problem no_version(struct cli *cli, const struct model_ref *m, struct problem p)
{
	json_t *model = NULL;

	if (p.code != PROBLEM_NOT_FOUND)
		return p;
	TRY(server_get(cli, model_target(cli->arena, m, ""), &model));
	p.code = CLI_NO_VERSION;
	return p;
}

/* 299 hallmark "this version is yanked: …": what stands between the quotes. */
static const char *warning_text(struct arena *a, const char *value)
{
	const char *open = strchr(value, '"'), *close = strrchr(value, '"');

	return open && close > open ? arena_dup(a, open + 1, (size_t)(close - open) - 1) : value;
}

struct problem server_find_version(struct cli *cli, const struct model_ref *m, json_t **version,
				   const char **warning)
{
	struct http_call call = {
		.method = "GET",
		.target = version_target(cli->arena, m, m->reference, ""),
	};
	struct problem p = exchange(cli, &call);
	const char *value = http_received(&call, "Warning");

	if (p.code != PROBLEM_NONE)
		return no_version(cli, m, p);
	*warning = value ? warning_text(cli->arena, value) : NULL;
	return tree_of(cli->arena, &call, version);
}

struct problem server_version(struct cli *cli, const struct model_ref *m, json_t **version)
{
	const char *warning = NULL;

	TRY(server_find_version(cli, m, version, &warning));
	if (warning)
		cli_warn(cli, "%s", warning);
	return NO_PROBLEM;
}

const char *json_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

int64_t json_whole(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}
