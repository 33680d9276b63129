/* labels.h - tags and params: what a client hangs on a model or a version.
 *
 * Tags are text to text and can be searched and changed. Params are what a
 * training run was given, any JSON, kept as they came. These are looks for
 * fields of base/draft.
 */
#ifndef HALLMARK_REGISTRY_LABELS_H
#define HALLMARK_REGISTRY_LABELS_H

#include "base/draft.h"

enum { TAGS_MAX = 100, TAGS_PATCH_MAX = 2 * TAGS_MAX, PARAMS_MAX = 1000 };

void tags_look(struct draft *d, const char *pointer, const json_t *tags);
void tags_patch_look(struct draft *d, const char *pointer, const json_t *tags); /* null removes */
void params_look(struct draft *d, const char *pointer, const json_t *params);

#endif
