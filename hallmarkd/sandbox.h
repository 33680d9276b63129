/* sandbox.h - what each process gives up before it talks to anybody.
 *
 * None of this can be taken back. A kernel that lacks seccomp or Landlock costs one
 * warning in the log ("sandbox_incomplete") and no more: the file modes and the
 * separate process still stand. Everything else that fails is a problem.
 */
#ifndef HALLMARK_HALLMARKD_SANDBOX_H
#define HALLMARK_HALLMARKD_SANDBOX_H

#include "base/problem.h"

/* The signer, once its keys are read: no core dump, no debugger, no new privileges,
 * and of the system only what serving its open sockets takes (seccomp): no file, no
 * network, no other process. Anything else ends the process. */
struct problem sandbox_signer(struct arena *a) MUST_CHECK;

/* The service, before it starts its first thread: no debugger, no core dump, no new
 * privileges, and nothing below denied_dir can be opened, made, moved, linked or
 * removed (Landlock). Landlock only knows what is allowed: the folders above
 * denied_dir stay as they are, but a file that is made directly in one of them later
 * cannot be opened either. So whatever the service reads or writes must exist, or lie
 * in a folder that exists. A denied_dir that is not there, or lies
 * out of reach, denies nothing. */
struct problem sandbox_service(struct arena *a, const char *denied_dir) MUST_CHECK;

/* The supervisor, once it is the user that it stays: no debugger and no
 * core dump for it, no new privileges for it or what it starts. */
struct problem sandbox_supervisor(struct arena *a) MUST_CHECK;

#endif
