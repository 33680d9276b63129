/* place.h - paths below a folder that nothing may lead out of.
 *
 * A path from a registry or an attestation is not trusted: it is checked as text
 * and then walked segment by segment, following no symbolic link, so that a
 * folder swapped for a link meanwhile is refused too.
 */
#ifndef HALLMARK_CLI_PLACE_H
#define HALLMARK_CLI_PLACE_H

#include <stdbool.h>

#include "base/problem.h"

#define PLACE_OWN ".hallmark" /* the folder that holds what proves the others */

/* NULL when the path is fit to be a file below a folder, else what is wrong with it. */
const char *path_fault(const char *path);

/* Opens the folder that holds the last segment, making missing ones when create;
 * the descriptor is the caller's. leaf points into path. NOT_FOUND: a folder is
 * missing. */
MUST_CHECK struct problem place_parent(struct arena *a, int root, const char *path, bool create,
				       int *parent, const char **leaf);

/* Opens a regular file for reading; the descriptor is the caller's. */
MUST_CHECK struct problem place_open(struct arena *a, int root, const char *path, int *fd);

/* Opens, makes when create, the folder itself. */
MUST_CHECK struct problem place_root(struct arena *a, const char *folder, bool create, int *fd);

#endif
