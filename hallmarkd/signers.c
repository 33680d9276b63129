#include "hallmarkd/signers.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/owner.h"
#include "registry/signer_wire.h"

/* One pair a loop, and one for us: ours[] stay here, theirs[] the signer is born with. */
static int make_pairs(int *ours, int *theirs, int wanted)
{
	int n = 0, pair[2];

	while (n < wanted &&
	       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0) {
		ours[n] = pair[0];
		theirs[n++] = pair[1];
	}
	return n;
}

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void forget_candidate(struct signers *s)
{
	if (!s->candidate)
		return;
	poller_unwatch(s->poller, &s->probe);
	close(s->probe.fd);
	close_all(s->sockets, s->loops);
	s->candidate = NULL;
}

/* The new signer has answered, so it has its keys: the service is given its sockets. The
 * old one ends by itself when the service has dropped the sockets it had. */
static void signer_answered(struct watch *w, uint32_t events)
{
	struct signers *s = OWNER_OF(w, struct signers, probe);
	char answer;

	(void)events;
	if (read(w->fd, &answer, 1) != 1) {
		poller_unwatch(s->poller, w); /* its end is told by the pidfd */
		return;
	}
	if (s->control->fd < 0) { /* nobody to sign for; it ends with its sockets */
		forget_candidate(s);
		return;
	}
	if (!control_send(s->control->fd, s->sockets, s->loops))
		log_line(LOG_ERROR, "signer_sockets_lost", LOG_TEXT("why", strerror(errno)));
	FAILPOINT(SIGNER_TAKES_OVER);
	s->speaking = s->candidate;
	s->speaking->delay = 0;
	forget_candidate(s);
	if (s->again)
		signers_renew(s);
}

/* Asks for its keys; what it says does not matter to us. */
static bool ask(int fd)
{
	const struct wire_frame keys = {.kind = WIRE_KEYS};
	struct wire_out out = {0};
	bool good = wire_put(&out, &keys) && wire_flush(&out, fd);

	wire_out_free(&out);
	return good;
}

static bool start_candidate(struct signers *s, struct part *p)
{
	int ours[CONTROL_FDS_MAX + 1], fds[CONTROL_FDS_MAX + 2] = {s->settings_fd};
	int loops = s->loops, n = make_pairs(ours, fds + 1, loops + 1);

	if (n < loops + 1 || !part_start(p, "signer", fds, n + 1, 0)) {
		close_all(ours, n);
		close_all(fds + 1, n);
		return false;
	}
	FAILPOINT(SIGNER_STARTED);
	close_all(fds + 1, n);
	memcpy(s->sockets, ours, (size_t)loops * sizeof(*ours));
	s->candidate = p;
	s->probe = (struct watch){.fd = ours[loops], .ready = signer_answered};
	return ask(s->probe.fd) && poller_watch(s->poller, &s->probe, EPOLLIN);
}

void signers_renew(struct signers *s)
{
	struct part *p = s->seats[s->seats[0]->child.pid ? 1 : 0];

	s->again = s->candidate != NULL;
	if (s->candidate)
		return;
	if (p->child.pid) { /* the one before the last is still on its way out */
		child_signal(&p->child, SIGKILL);
		s->again = true;
	} else if (!start_candidate(s, p)) {
		child_signal(&p->child, SIGKILL);
		if (!p->child.pid)
			part_start_later(p);
	}
}

void signers_ended(struct signers *s, struct part *p, bool wanted)
{
	const bool failed = p == s->candidate, was_speaking = p == s->speaking;

	FAILPOINT(SIGNER_ENDED);
	if (failed)
		forget_candidate(s);
	if (was_speaking)
		s->speaking = NULL;
	if (!wanted)
		return;
	if (failed && s->speaking)
		log_line(LOG_ERROR, "signer_kept", LOG_TEXT("why", "the new signer did not start"));
	else if (failed || was_speaking)
		part_start_later(p);
	else if (s->again)
		signers_renew(s);
}

void signers_dropped(struct signers *s)
{
	poller_cancel(s->poller, &s->seats[0]->timer);
	poller_cancel(s->poller, &s->seats[1]->timer);
	s->again = false;
	s->speaking = NULL; /* it ends by itself: its sockets are closed */
}

bool signers_retired(const struct signers *s, const struct part *p)
{
	return (p == s->seats[0] || p == s->seats[1]) && p != s->speaking && p != s->candidate;
}
