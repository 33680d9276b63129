/* signer.h - the process that holds the signing keys, and nothing else.
 *
 * The supervisor starts it with one end of a stream socket pair per loop. It reads
 * every key file of the folder, shuts itself in (hallmarkd/sandbox.h) and then
 * answers the requests of registry/signer_wire.h: it makes what is signed from the
 * facts it is given, signs it, and verifies what it signed before it answers. A
 * request that makes no sense, names a key that is not here, or is too large gets
 * a refusal. A loop that does not read its answers holds up nobody else.
 *
 * To take in new keys start a new signer and hand its sockets to the loops.
 */
#ifndef HALLMARK_HALLMARKD_SIGNER_H
#define HALLMARK_HALLMARKD_SIGNER_H

/* Serves until the other end of every socket is closed, and ends the process with 0:
 * what libraries do at a usual exit may be more than is still allowed. Returns, 1,
 * with a line in the log, only when it could not begin. The sockets may be blocking;
 * they are taken over. */
int signer_main(int nsockets, const int *sockets, const char *keys_dir);

#endif
