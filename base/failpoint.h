/* failpoint.h - places at which a test may end, stop or hinder a process.
 *
 *	FAILPOINT(UPLOAD_RENAMED);                 the process may end here
 *	if (FAILPOINT_ERROR(UPLOAD_FSYNCED)) …     or be told an errno; 0: go on
 *
 * They are there in the flavour `faults` alone (make FLAVOUR=faults); in any other one both
 * are nothing, and a test looks that none of this is in what is released.
 *
 * What happens is chosen from outside while the processes run: the variable FAILPOINTS
 * names a file that all of them map, with one struct failpoint for each row of the
 * table, in its order (tests/integration/support/failpoints.py writes it). Each counts how
 * often its place was reached, and acts once, when its countdown comes to 0.
 */
#ifndef HALLMARK_BASE_FAILPOINT_H
#define HALLMARK_BASE_FAILPOINT_H

/*   name, the process that comes there */
#define FAILPOINT_TABLE(X)                                                                         \
	X(CONNECTION_ACCEPTED, service)                                                            \
	X(HEAD_IN, service)                                                                        \
	X(ROUTE_FOUND, service)                                                                    \
	X(IDENTITY_ASKED, service)                                                                 \
	X(IDENTITY_KNOWN, service)                                                                 \
	X(BODY_PIECE, service)                                                                     \
	X(BODY_WHOLE, service)                                                                     \
	X(DRAFT_PARSED, service)                                                                   \
	X(STATEMENT_QUEUED, service)                                                               \
	X(STATEMENT_SENT, service)                                                                 \
	X(STATEMENT_ANSWERED, service)                                                             \
	X(UPLOAD_CHECKED, service)                                                                 \
	X(UPLOAD_OPENED, service)                                                                  \
	X(UPLOAD_WRITTEN, service)                                                                 \
	X(UPLOAD_FSYNCED, service)                                                                 \
	X(UPLOAD_RENAMED, service)                                                                 \
	X(UPLOAD_CLOSED, service)                                                                  \
	X(UPLOAD_SETTLED, service)                                                                 \
	X(UPLOAD_SIGNATURE_ASKED, service)                                                         \
	X(UPLOAD_SIGNED, service)                                                                  \
	X(UPLOAD_ROW_QUEUED, service)                                                              \
	X(UPLOAD_ROW_ANSWERED, service)                                                            \
	X(UPLOAD_REMOVED, service)                                                                 \
	X(PUBLISH_READ, service)                                                                   \
	X(PUBLISH_CHECKED, service)                                                                \
	X(PUBLISH_SIGNATURE_ASKED, service)                                                        \
	X(PUBLISH_SIGNED, service)                                                                 \
	X(PUBLISH_QUEUED, service)                                                                 \
	X(PUBLISH_ANSWERED, service)                                                               \
	X(SIGNATURE_SENT, service)                                                                 \
	X(SIGNATURE_ANSWERED, service)                                                             \
	X(OUTCOME_ASKED, service)                                                                  \
	X(OUTCOME_TOLD, service)                                                                   \
	X(REPLY_MADE, service)                                                                     \
	X(REPLY_QUEUED, service)                                                                   \
	X(REPLY_SENT, service)                                                                     \
	X(TICK_QUEUED, service)                                                                    \
	X(TICK_ANSWERED, service)                                                                  \
	X(KEYS_ASKED, service)                                                                     \
	X(KEYS_READ, service)                                                                      \
	X(SIGNER_SOCKET_TAKEN, service)                                                            \
	X(LISTENING, service)                                                                      \
	X(SWEPT, service)                                                                          \
	X(DRAINING, service)                                                                       \
	X(SIGNER_KEYS_READ, signer)                                                                \
	X(SIGNER_ASKED, signer)                                                                    \
	X(SIGNER_ANSWERED, signer)                                                                 \
	X(STATE_LOCKED, supervisor)                                                                \
	X(INITDB_DONE, supervisor)                                                                 \
	X(INITDB_RENAMED, supervisor)                                                              \
	X(DATABASE_STARTED, supervisor)                                                            \
	X(DATABASE_ADOPTED, supervisor)                                                            \
	X(DATABASE_ENDED, supervisor)                                                              \
	X(PREPARED, supervisor)                                                                    \
	X(SERVICE_STARTED, supervisor)                                                             \
	X(SERVICE_READY, supervisor)                                                               \
	X(SERVICE_ENDED, supervisor)                                                               \
	X(SIGNER_STARTED, supervisor)                                                              \
	X(SIGNER_TAKES_OVER, supervisor)                                                           \
	X(SIGNER_ENDED, supervisor)                                                                \
	X(DATABASE_MADE, prepare)                                                                  \
	X(MIGRATION_TURN, prepare)                                                                 \
	X(MIGRATION_APPLIED, prepare)                                                              \
	X(MIGRATION_COMMITTED, prepare)                                                            \
	X(SECRET_MADE, prepare)                                                                    \
	X(KEY_MADE, prepare)                                                                       \
	X(KEY_REGISTERED, prepare)                                                                 \
	X(TOKEN_WRITTEN, prepare)                                                                  \
	X(ADMIN_MADE, prepare)                                                                     \
	X(TOKEN_RENAMED, prepare)

#ifdef HALLMARK_FAILPOINTS

enum failpoint_id {
#define X(name, process) FAILPOINT_##name,
	FAILPOINT_TABLE(X)
#undef X
		FAILPOINT_COUNT
};

enum failpoint_action {
	FAILPOINT_NOTHING,
	FAILPOINT_KILL,       /* SIGKILL to the process itself */
	FAILPOINT_KILL_OTHER, /* to the process that value names */
	FAILPOINT_STOP,       /* SIGSTOP; somebody sends SIGCONT */
	FAILPOINT_DELAY,      /* value milliseconds; not in the signer, which may not sleep */
	FAILPOINT_FAIL,       /* value is the errno */
};

int failpoint(enum failpoint_id id);

#define FAILPOINT(name)       ((void)failpoint(FAILPOINT_##name))
#define FAILPOINT_ERROR(name) failpoint(FAILPOINT_##name)
/* One of two constants: a test that kills for minutes does not wait as an operator would. */
#define FAILPOINTS_OR(there, else_where) (there)

#else

#define FAILPOINT(name)                  ((void)0)
#define FAILPOINT_ERROR(name)            0
#define FAILPOINTS_OR(there, else_where) (else_where)

#endif

#endif
