#include "tests/unit/gateway.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEARD = 8192, ANSWER = 4096, LAST_WORDS_MS = 2000 };

struct gateway {
	pthread_t thread;
	int listener, port, server_port;
	atomic_bool stop;
	atomic_int connections, running;
	pthread_mutex_t lock; /* of the rest */
	int answers, cuts, cut_after;
	char answer[ANSWER], heard[HEARD];
};

/* One client, in a thread of its own. */
struct guest {
	struct gateway *gateway;
	int fd;
	bool answered;
	int cut_after; /* -1: never */
	char answer[ANSWER];
};

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	for (ssize_t n; len; bytes += n, len -= (size_t)n)
		if ((n = send(fd, bytes, len, MSG_NOSIGNAL)) <= 0)
			return false;
	return true;
}

static bool readable(int fd, int limit_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, limit_ms) > 0;
}

/* Reads on after the answer: a close with bytes unread would take it back. */
static void answer(const struct guest *g)
{
	char buffer[HEARD];
	ssize_t n = recv(g->fd, buffer, sizeof(buffer) - 1, 0);

	pthread_mutex_lock(&g->gateway->lock);
	memcpy(g->gateway->heard, buffer, n > 0 ? (size_t)n : 0);
	g->gateway->heard[n > 0 ? n : 0] = '\0';
	pthread_mutex_unlock(&g->gateway->lock);
	send_all(g->fd, g->answer, strlen(g->answer));
	shutdown(g->fd, SHUT_WR);
	while (readable(g->fd, LAST_WORDS_MS) && recv(g->fd, buffer, sizeof(buffer), 0) > 0)
		;
}

static void carry(const struct guest *g)
{
	const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in there = local(g->gateway->server_port);
	struct pollfd ends[] = {{.fd = g->fd, .events = POLLIN}, {.fd = server, .events = POLLIN}};
	int left = g->cut_after;
	bool open = connect(server, (struct sockaddr *)&there, sizeof(there)) == 0;

	while (open && poll(ends, 2, -1) > 0) {
		char buffer[16384];

		for (int i = 0; i < 2 && open; i++) {
			if (!ends[i].revents)
				continue;
			ssize_t n = recv(ends[i].fd, buffer, sizeof(buffer), 0);
			if (n > 0 && i == 1 && left >= 0) {
				n = n < left ? n : left;
				left -= (int)n;
			}
			open = n > 0 && send_all(ends[1 - i].fd, buffer, (size_t)n) && left != 0;
		}
	}
	close(server);
}

static void *serve(void *arg)
{
	struct guest *g = arg;

	if (g->answered)
		answer(g);
	else
		carry(g);
	close(g->fd);
	atomic_fetch_sub(&g->gateway->running, 1);
	free(g);
	return NULL;
}

static struct guest *guest_new(struct gateway *g, int fd)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		abort();
	guest->gateway = g;
	guest->fd = fd;
	pthread_mutex_lock(&g->lock);
	guest->answered = g->answers > 0;
	guest->cut_after = !guest->answered && g->cuts > 0 ? g->cut_after : -1;
	g->answers -= guest->answered;
	g->cuts -= guest->cut_after >= 0;
	memcpy(guest->answer, g->answer, sizeof(guest->answer));
	pthread_mutex_unlock(&g->lock);
	return guest;
}

static void *run(void *arg)
{
	struct gateway *g = arg;

	while (!g->stop) {
		pthread_t thread;

		if (!readable(g->listener, 20))
			continue;
		const int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		atomic_fetch_add(&g->connections, 1);
		atomic_fetch_add(&g->running, 1);
		if (pthread_create(&thread, NULL, serve, guest_new(g, fd)) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

struct gateway *gateway_new(int server_port)
{
	struct gateway *g = calloc(1, sizeof(*g));
	struct sockaddr_in here = local(0);
	socklen_t len = sizeof(here);

	if (!g)
		return NULL;
	g->server_port = server_port;
	pthread_mutex_init(&g->lock, NULL);
	g->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(g->listener, (struct sockaddr *)&here, sizeof(here)) != 0 ||
	    listen(g->listener, 64) != 0 ||
	    getsockname(g->listener, (struct sockaddr *)&here, &len) != 0 ||
	    pthread_create(&g->thread, NULL, run, g) != 0) {
		close(g->listener);
		free(g);
		return NULL;
	}
	g->port = ntohs(here.sin_port);
	return g;
}

int gateway_port(const struct gateway *g)
{
	return g->port;
}

void gateway_answer(struct gateway *g, int times, const char *text)
{
	pthread_mutex_lock(&g->lock);
	g->answers = times;
	memset(g->answer, 0, sizeof(g->answer));
	strncpy(g->answer, text, sizeof(g->answer) - 1);
	pthread_mutex_unlock(&g->lock);
}

void gateway_cut(struct gateway *g, int times, int bytes)
{
	pthread_mutex_lock(&g->lock);
	g->cuts = times;
	g->cut_after = bytes;
	pthread_mutex_unlock(&g->lock);
}

void gateway_calm(struct gateway *g)
{
	gateway_answer(g, 0, "");
	gateway_cut(g, 0, 0);
}

int gateway_connections(const struct gateway *g)
{
	return atomic_load(&g->connections);
}

const char *gateway_heard(const struct gateway *g)
{
	return g->heard;
}

void gateway_free(struct gateway *g)
{
	if (!g)
		return;
	g->stop = true;
	pthread_join(g->thread, NULL);
	while (atomic_load(&g->running))
		usleep(1000);
	close(g->listener);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
