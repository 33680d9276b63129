/* alias.h - where an alias of a model lies in the API. */
#ifndef HALLMARK_CLI_ALIAS_H
#define HALLMARK_CLI_ALIAS_H

#include "cli/model_ref.h"

const char *alias_target(struct arena *a, const struct model_ref *m, const char *alias);

#endif
