#include "api/listen.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* Cuts "[::1]:8080" or "127.0.0.1:8080" in two. */
static bool split(struct arena *a, const char *address, char **host, char **port)
{
	const char *colon = strrchr(address, ':');

	if (!colon || colon == address || !colon[1])
		return false;
	*port = arena_dup(a, colon + 1, strlen(colon + 1));
	if (*address == '[') {
		if (colon[-1] != ']')
			return false;
		*host = arena_dup(a, address + 1, (size_t)(colon - address) - 2);
		return true;
	}
	*host = arena_dup(a, address, (size_t)(colon - address));
	return strchr(*host, ':') == NULL;
}

static int bind_one(const struct addrinfo *at, bool shared)
{
	int one = 1;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

struct problem listen_open(struct arena *a, const char *address, bool shared, int *fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	char *host, *port;

	if (!split(a, address, &host, &port))
		return problem(a, PROBLEM_INVALID,
			       "listen: \"%s\" is no address; write host:port, such as "
			       "127.0.0.1:8080 or [::]:8080",
			       address);
	int error = getaddrinfo(host, port, &hints, &found);
	if (error)
		return problem(a, PROBLEM_INVALID, "listen: %s: %s", address, gai_strerror(error));
	*fd = bind_one(found, shared);
	freeaddrinfo(found);
	if (*fd < 0)
		return problem(a, PROBLEM_UNAVAILABLE, "listen: %s: %s", address, strerror(errno));
	return NO_PROBLEM;
}
