/* version_query.h - lists of a model's versions: what they may be filtered and sorted by.
 *
 * The argument of where is the model's id. Rows have the columns of a version's
 * document without project and model, which the asker knows.
 */
#ifndef HALLMARK_REGISTRY_VERSION_QUERY_H
#define HALLMARK_REGISTRY_VERSION_QUERY_H

#include "registry/query.h"

extern const struct query_list version_query;

#endif
