/* event_query.h - the stream of events: what it may be filtered by, oldest or newest first.
 *
 * where takes the project, NULL for all. Only events with a position are seen.
 */
#ifndef HALLMARK_REGISTRY_EVENT_QUERY_H
#define HALLMARK_REGISTRY_EVENT_QUERY_H

#include "registry/query.h"

extern const struct query_list event_query;

#endif
