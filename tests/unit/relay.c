#include "tests/unit/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAIRS = 64, TICK_MS = 5 };

struct relay {
	pthread_t thread;
	int listener;
	struct sockaddr_un here, there;
	_Atomic enum relay_mode wanted, mode;
	atomic_bool stop;
	int n;
	struct pair {
		int side[2];
	} pairs[PAIRS];
};

static void drop(struct relay *r, int i)
{
	close(r->pairs[i].side[0]);
	close(r->pairs[i].side[1]);
	r->pairs[i] = r->pairs[--r->n];
}

static void take_in(struct relay *r)
{
	const int client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (client < 0 || server < 0 || r->n == PAIRS || r->mode == RELAY_CUT ||
	    connect(server, (struct sockaddr *)&r->there, sizeof(r->there)) != 0) {
		close(client);
		close(server);
		return;
	}
	r->pairs[r->n++] = (struct pair){{client, server}};
}

/* False when the connection has ended. Writes block: what is carried is little. */
static bool carry(int from, int to)
{
	char buf[16384];
	const ssize_t n = read(from, buf, sizeof(buf));

	for (ssize_t done = 0, m; done < n; done += m)
		if ((m = send(to, buf + done, (size_t)(n - done), MSG_NOSIGNAL)) <= 0)
			return false;
	return n > 0;
}

static void turn(struct relay *r)
{
	struct pollfd fds[1 + 2 * PAIRS] = {{.fd = r->listener, .events = POLLIN}};
	const int n = r->n;

	for (int i = 0; i < 2 * n; i++)
		fds[1 + i] = (struct pollfd){r->pairs[i / 2].side[i % 2], POLLIN, 0};
	const bool carries = r->mode == RELAY_CARRY;
	if (poll(fds, carries ? 1 + 2 * (nfds_t)n : 1, TICK_MS) <= 0)
		return;
	for (int i = carries ? n - 1 : -1; i >= 0; i--)
		for (int s = 0; s < 2; s++)
			if (fds[1 + 2 * i + s].revents &&
			    !carry(r->pairs[i].side[s], r->pairs[i].side[1 - s])) {
				drop(r, i);
				break;
			}
	if (fds[0].revents)
		take_in(r);
}

static void *run(void *arg)
{
	struct relay *r = arg;

	while (!r->stop) {
		r->mode = r->wanted;
		while (r->mode == RELAY_CUT && r->n > 0)
			drop(r, r->n - 1);
		turn(r);
	}
	while (r->n > 0)
		drop(r, r->n - 1);
	return NULL;
}

struct relay *relay_new(const char *folder, const char *server)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->here.sun_family = r->there.sun_family = AF_UNIX;
	snprintf(r->here.sun_path, sizeof(r->here.sun_path), "%s/.s.PGSQL.5432", folder);
	snprintf(r->there.sun_path, sizeof(r->there.sun_path), "%s", server);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(r->listener, (struct sockaddr *)&r->here, sizeof(r->here)) != 0 ||
	    listen(r->listener, PAIRS) != 0 || pthread_create(&r->thread, NULL, run, r) != 0) {
		close(r->listener);
		free(r);
		return NULL;
	}
	return r;
}

void relay_set(struct relay *r, enum relay_mode mode)
{
	r->wanted = mode;
	while (r->mode != mode)
		usleep(1000);
	usleep(2 * TICK_MS * 1000); /* the turn that was under way is over */
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	r->stop = true;
	pthread_join(r->thread, NULL);
	close(r->listener);
	unlink(r->here.sun_path);
	free(r);
}
