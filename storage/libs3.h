/* libs3.h - a store in the bucket of an object store, spoken to by libs3.
 *
 *	PREFIX/<storage key>   what is stored; no name is ever written a second time
 *	PREFIX/writable        an empty object that check() writes
 *
 * For object stores on one's own network that take Signature V2: Debian's libs3
 * 2.0 signs with nothing newer, stores an object by one PUT of at most 5 GiB, and
 * does not verify TLS certificates. So https is refused unless the location says
 * allow_unverified_tls=1: whoever stands between could read and change what passes
 * and see who we are. (What was changed is noticed: every reader compares the
 * digest that was signed.)
 *
 * An upload is gathered in a file without a name in the scratch folder, because
 * the PUT must announce its length, and sent by put_finish() with its MD5
 * (Content-MD5), which the store compares. A download comes whole into such a file
 * before open() hands it out: sendfile can serve it and nothing is ever answered
 * from half an object. So the scratch folder needs room for every transfer at once.
 *
 * A PUT whose answer got lost may have stored its object: list() finds it as an
 * orphan. Ages are by our clock, which the store accepts only when it differs from
 * its own by less than 15 minutes.
 */
#ifndef HALLMARK_STORAGE_LIBS3_H
#define HALLMARK_STORAGE_LIBS3_H

#include "storage/store.h"

#define LIBS3_OBJECT_MAX ((int64_t)5 << 30) /* bytes in one PUT */

/* Fails when the store says no; when it does not answer the store opens all the same,
 * so that a service can start during an outage of its store. */
struct problem libs3_open(struct arena *a, const struct store_options *o,
			  struct store **out) MUST_CHECK;

#endif
