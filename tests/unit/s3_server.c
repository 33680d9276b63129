#include "tests/unit/s3_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char program[] = "build/venv/bin/moto_server";

enum { START_MS = 30000, TURN_MS = 20 };

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in here = local(0);
	socklen_t len = sizeof(here);
	const int bad = bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0 ||
			getsockname(fd, (struct sockaddr *)&here, &len) != 0;

	close(fd);
	return bad ? -1 : ntohs(here.sin_port);
}

static _Noreturn void become(int port)
{
	char text[8];
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(text, sizeof(text), "%d", port);
	unsetenv("LD_PRELOAD"); /* a sanitizer's, perhaps */
	execl(program, program, "-H", "127.0.0.1", "-p", text, (char *)NULL);
	_exit(127);
}

_Bool s3_server_put(const struct s3_server *s, const char *path, const char *body)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in there = local(s->port);
	char text[1024];
	_Bool good = 0;

	snprintf(text, sizeof(text),
		 "PUT /%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 path, s->port, strlen(body), body);
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0 &&
	    send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text) &&
	    recv(fd, text, 12, MSG_WAITALL) == 12)
		good = memcmp(text + 8, " 200", 4) == 0;
	close(fd);
	return good;
}

_Bool s3_server_start(struct s3_server *s, const char *bucket)
{
	*s = (struct s3_server){.pid = -1, .port = free_port()};
	if (s->port < 0 || access(program, X_OK) != 0)
		return 0;
	s->pid = fork();
	if (s->pid == 0)
		become(s->port);
	for (int waited = 0; s->pid > 0 && waited < START_MS; waited += TURN_MS) {
		if (s3_server_put(s, bucket, ""))
			return 1;
		usleep(TURN_MS * 1000);
	}
	s3_server_stop(s);
	return 0;
}

void s3_server_stop(struct s3_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = -1;
}
