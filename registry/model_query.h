/* model_query.h - lists of a project's models: what they may be filtered and sorted by.
 *
 * The argument of where is the project. Rows have the columns of a model's document
 * without its card.
 */
#ifndef HALLMARK_REGISTRY_MODEL_QUERY_H
#define HALLMARK_REGISTRY_MODEL_QUERY_H

#include "registry/query.h"

extern const struct query_list model_query;

#endif
