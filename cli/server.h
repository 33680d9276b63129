/* server.h - JSON to and from the registry.
 *
 * Trees belong to the run's arena. A problem is either the way's (UNAVAILABLE)
 * or what the registry answered.
 */
#ifndef HALLMARK_CLI_SERVER_H
#define HALLMARK_CLI_SERVER_H

#include "cli/cli.h"
#include "cli/model_ref.h"

/* Finds server and token and makes cli->http; may be called again. */
MUST_CHECK struct problem server_connect(struct cli *cli);

/* Another client of the same server, for another thread; NULL: no memory. */
struct http *server_another(const struct cli *cli);

/* GET; tree is the answer. */
MUST_CHECK struct problem server_get(struct cli *cli, const char *target, json_t **tree);
/* The same, as text; attestations are signed as they stand. */
MUST_CHECK struct problem server_text(struct cli *cli, const char *target, const char **text,
				      size_t *len);

/* A JSON answer and its ETag, which is NULL when there was none. */
MUST_CHECK struct problem server_get_tagged(struct cli *cli, const char *target, json_t **tree,
					    const char **etag);

/* Any other method; body and tree may be NULL, headers end with NULL or are NULL. */
MUST_CHECK struct problem server_send(struct cli *cli, const char *method, const char *target,
				      const char *const *headers, const json_t *body,
				      json_t **tree);

/* Every item of a list, page after page, up to most (0: all), as a JSON array. */
MUST_CHECK struct problem server_list(struct cli *cli, const char *target, size_t most,
				      json_t **items);

/* One version. When the model is there and the reference means nothing, the
 * problem is CLI_NO_VERSION. Whoever uses the version wants the registry's warning
 * about it (that it is deprecated, say): server_version() prints that. */
MUST_CHECK struct problem server_version(struct cli *cli, const struct model_ref *m,
					 json_t **version);
MUST_CHECK struct problem server_find_version(struct cli *cli, const struct model_ref *m,
					      json_t **version, const char **warning);

/* What a version's document calls it; UNAVAILABLE when it does not. */
MUST_CHECK struct problem server_version_name(const struct cli *cli, const json_t *document,
					      const char **version);

/* target with "name=value" added to its query; a NULL value adds nothing. */
const char *with_query(struct arena *a, const char *target, const char *name, const char *value);

/* Members of an answer. Texts live as long as the tree; NULL or 0 when absent. */
const char *json_text(const json_t *object, const char *name);
int64_t json_whole(const json_t *object, const char *name);

#endif
