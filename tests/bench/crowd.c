/* crowd.c - many connections that do little: idle ones, or uploads that never end.
 *
 *	crowd PORT COUNT REQUEST-FILE TIMES TRICKLE
 *
 * It opens COUNT connections to 127.0.0.1, sends the file's bytes on each TIMES times, each after
 * the answer to the one before, and leaves them open. A "%d" in the file becomes the connection's
 * number, in as many digits as there are letters: "%d" has two, "%dddd" five. An answer that is no
 *success is an error. With a TRICKLE the file is the head of a body that goes on after it: each
 *connection sends so many bytes every second, spread over the second, and no answer is waited for.
 *
 * When all are where they should be it prints "ready", and goes on until its standard input ends;
 * then it prints how many connections are still open, and resets them all, so that no port waits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REQUEST = 256 * 1024,
	ANSWER = 16 * 1024,
	SLICES = 50,   /* a second's trickle goes out in so many parts of the crowd */
	PENDING = 200, /* connections that are on their way at a time: a backlog is finite */
	PACE = 5,      /* uploads that begin in 10 ms: the database is asked about each */
	EVENTS = 256,
};

struct member {
	int fd;
	size_t sent; /* of the request */
	int times;   /* still to be asked */
	bool settled;
	size_t got; /* bytes of the answer's head so far */
	long left;  /* of its body, -1: the head is not whole */
	char *head;
};

static struct {
	int port, count, times, trickle;
	char request[REQUEST];
	size_t len;
	struct member *members;
	int opened, settled, epoll;
} crowd;

static char zeros[64 * 1024];

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void refuse(const char *what, const char *text)
{
	fprintf(stderr, "crowd: %s: %s\n", what, text);
	exit(1);
}

static int number(const char *text, int most)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 0 || n > most)
		refuse("not a number that is right here", text);
	return (int)n;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- one connection --- */

/* Writes the member's number over "%d…". */
static void personal(char *request, const struct member *m)
{
	char *at = memmem(request, crowd.len, "%d", 2);
	char digits[32];

	if (!at)
		return;
	const int width = 1 + (int)strspn(at + 1, "d");
	snprintf(digits, sizeof(digits), "%0*d", width, (int)(m - crowd.members));
	memcpy(at, digits, (size_t)width);
}

static void settle(struct member *m)
{
	m->settled = true;
	crowd.settled++;
	free(m->head);
	m->head = NULL;
}

static void send_on(struct member *m)
{
	static char request[REQUEST];

	if (m->settled || m->sent == crowd.len)
		return;
	memcpy(request, crowd.request, crowd.len);
	personal(request, m);
	ssize_t n =
		send(m->fd, request + m->sent, crowd.len - m->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN)
		die("send");
	m->sent += n > 0 ? (size_t)n : 0;
	if (m->sent == crowd.len && crowd.trickle)
		settle(m);
}

static void answered(struct member *m)
{
	m->got = 0;
	m->left = -1;
	if (--m->times == 0) {
		settle(m);
		return;
	}
	m->sent = 0;
	send_on(m);
}

static void head_read(struct member *m)
{
	char *end = memmem(m->head, m->got, "\r\n\r\n", 4);
	const char *length = memmem(m->head, m->got, "\r\nContent-Length: ", 18);

	if (!end)
		return;
	if (m->head[9] != '2' || !length || length > end)
		refuse("not the answer that was hoped for", m->head);
	m->left = strtol(length + 18, NULL, 10) - (long)(m->got - (size_t)(end + 4 - m->head));
}

/* False when there is nothing more for now. */
static bool receive(struct member *m)
{
	char *const into = m->left < 0 ? m->head + m->got : zeros;
	const size_t room = m->left < 0 ? ANSWER - 1 - m->got : sizeof(zeros);
	ssize_t n = recv(m->fd, into, room, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		refuse("closed by the service", n < 0 ? strerror(errno) : "");
	if (m->left < 0) {
		m->got += (size_t)n;
		m->head[m->got] = '\0';
		head_read(m);
	} else {
		m->left -= n;
	}
	if (m->left == 0)
		answered(m);
	return true;
}

static void open_one(struct member *m)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons((uint16_t)crowd.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	/* A number of its own for each 10,000: one address has 28,000 ports to offer. */
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr =
			htonl(INADDR_LOOPBACK + 1 + (uint32_t)((m - crowd.members) / 10000))};
	const struct linger reset = {1, 0};
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = m};

	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->fd < 0 || bind(m->fd, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(m->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
	setsockopt(m->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	m->times = crowd.times;
	m->left = -1;
	m->head = malloc(ANSWER);
	if (!m->head || epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, m->fd, &e) != 0)
		die("epoll");
	crowd.opened++;
	if (crowd.times == 0)
		settle(m);
}

/* --- all of them --- */

static void turn(int ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(crowd.epoll, events, EVENTS, ms);

	for (int i = 0; i < n; i++) {
		struct member *m = events[i].data.ptr;

		send_on(m);
		while (!m->settled && receive(m))
			;
	}
}

static void gather(void)
{
	while (crowd.settled < crowd.count) {
		const int begun = crowd.opened;

		while (crowd.opened < crowd.count && crowd.opened - crowd.settled < PENDING &&
		       (!crowd.trickle || crowd.opened - begun < PACE))
			open_one(&crowd.members[crowd.opened]);
		turn(crowd.trickle ? 0 : 1000);
		if (crowd.trickle)
			usleep(10000);
	}
	puts("ready");
	fflush(stdout);
}

static bool told_to_end(int ms)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	return poll(&in, 1, ms) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

/* A socket that takes nothing is one whose upload the service has stopped reading: no matter. */
static void trickle(int slice)
{
	for (int i = slice; i < crowd.count; i += SLICES)
		send(crowd.members[i].fd, zeros, (size_t)crowd.trickle,
		     MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hold(void)
{
	int64_t next = now_us();

	for (int slice = 0;; slice = (slice + 1) % SLICES) {
		if (crowd.trickle)
			trickle(slice);
		next += 1000000 / SLICES;
		int64_t left = next - now_us();
		if (told_to_end(left > 0 ? (int)(left / 1000) : 0))
			return;
	}
}

static int still_open(void)
{
	int open = 0;
	char byte;

	for (int i = 0; i < crowd.count; i++)
		open += recv(crowd.members[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
			errno == EAGAIN;
	return open;
}

static void read_request(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		die(path);
	crowd.len = fread(crowd.request, 1, sizeof(crowd.request), file);
	fclose(file);
	if (crowd.len == 0 || crowd.len == sizeof(crowd.request))
		refuse("a request has 1 to 262143 bytes", path);
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		refuse("usage", "crowd PORT COUNT REQUEST-FILE TIMES TRICKLE");
	crowd.port = number(argv[1], 65535);
	crowd.count = number(argv[2], 60000);
	read_request(argv[3]);
	crowd.times = number(argv[4], 1000);
	crowd.trickle = number(argv[5], sizeof(zeros));
	raise_limit();
	crowd.members = calloc((size_t)crowd.count, sizeof(*crowd.members));
	crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!crowd.members || crowd.epoll < 0)
		die("start");
	gather();
	hold();
	printf("%d\n", still_open());
	return 0;
}
