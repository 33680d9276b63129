/* bucket.h - where an object store is and how it is spoken to, as one URL says it.
 *
 *	s3://BUCKET[/PREFIX]?endpoint=http[s]://HOST[:PORT]
 *		[&addressing=path|virtual] [&allow_unverified_tls=1]
 *
 * Everything under PREFIX in the bucket is ours. Addressing says whether the
 * bucket stands in the path of a request, which is the preset because it works
 * with every store, or before the host's name. Values may be percent-encoded.
 * Credentials are never part of a location.
 */
#ifndef HALLMARK_STORAGE_BUCKET_H
#define HALLMARK_STORAGE_BUCKET_H

#include <stdbool.h>

#include "base/problem.h"

enum { BUCKET_PREFIX = 512, BUCKET_HOST = 190 }; /* characters at most */

struct bucket {
	const char *name;
	const char *prefix; /* "" or ends with '/' */
	const char *host;   /* with the port, if one was given */
	bool tls;
	bool path_style;
	bool allow_unverified_tls;
};

bool bucket_is(const char *location); /* does it name an object store at all? */

/* INVALID says what is wrong and what would be right. The texts live in a. */
MUST_CHECK struct problem bucket_read(struct arena *a, const char *location, struct bucket *out);

#endif
