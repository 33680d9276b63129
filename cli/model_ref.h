/* model_ref.h - "project/model@reference", as people write it.
 *
 * The project may be left out: HALLMARK_PROJECT, else "default". The reference
 * is everything after the first '@' and goes to the registry as it is, but for
 * one kindness: a plain word such as champion counts as the alias @champion.
 */
#ifndef HALLMARK_CLI_MODEL_REF_H
#define HALLMARK_CLI_MODEL_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"

struct model_ref {
	const char *project, *model;
	const char *reference; /* NULL when there is no '@' */
};

MUST_CHECK struct problem model_ref_read(struct arena *a, const char *text, struct model_ref *out);

/* "^1.4" as it is; "champion" becomes "@champion". */
const char *reference_text(struct arena *a, const char *reference);

/* May that version be what was asked for? A version or an ordinal decides it; ranges,
 * aliases and no reference at all (NULL) are the registry's to resolve. */
bool reference_answers(const char *reference, const char *version, int64_t ordinal);

/* "/api/v1/projects/default/models/minilm" and what follows, each part
 * percent-encoded. A NULL reference is "latest". tail is taken as it is. */
const char *model_target(struct arena *a, const struct model_ref *m, const char *tail);
const char *version_target(struct arena *a, const struct model_ref *m, const char *reference,
			   const char *tail);

#endif
