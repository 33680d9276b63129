/* in_toto.h - the types by which a version's attestation is known: the service writes
 * them, whoever verifies compares them.
 *
 * https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md wants URIs.
 * Ours is a name and leads nowhere: a private registry claims no one's domain. A
 * predicate that means something else gets another number.
 */
#ifndef HALLMARK_BASE_IN_TOTO_H
#define HALLMARK_BASE_IN_TOTO_H

#define IN_TOTO_STATEMENT "https://in-toto.io/Statement/v1"
#define IN_TOTO_PREDICATE "urn:hallmark:attestation:v1"

#endif
