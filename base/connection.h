/* connection.h - libpq connection strings as people may see them. */
#ifndef HALLMARK_BASE_CONNECTION_H
#define HALLMARK_BASE_CONNECTION_H

#include "base/arena.h"

/* A copy of a connection string or URI with "********" for its passwords. A
 * malformed one is masked too generously rather than too little. */
char *connection_mask(struct arena *a, const char *conninfo);

#endif
