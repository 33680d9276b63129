#include "hallmarkd/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static const char ready_word = 'R', sockets_word = 'S';

/* Room for the descriptors of one message, aligned as a control message must be. */
union fd_room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))];
};

bool control_pair(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0;
}

bool control_send(int control_fd, const int *fds, int n)
{
	if (n < 1 || n > CONTROL_FDS_MAX) {
		errno = EINVAL;
		return false;
	}
	size_t size = (size_t)n * sizeof(int);
	union fd_room room = {0};
	char word = sockets_word;
	struct iovec iov = {.iov_base = &word, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	return sendmsg(control_fd, &msg, MSG_NOSIGNAL) == 1;
}

static int fds_of(struct msghdr *msg, int *fds, int max)
{
	int n = 0, extra = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n < max)
				fds[n++] = fd;
			else
				extra += close(fd) == 0;
		}
	}
	if (n > 0 && !extra && !(msg->msg_flags & MSG_CTRUNC))
		return n;
	while (n > 0)
		close(fds[--n]);
	errno = EBADMSG;
	return -1;
}

int control_receive(int control_fd, int *fds, int max)
{
	union fd_room room;
	char word;
	struct iovec iov = {.iov_base = &word, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};
	ssize_t n;

	do
		n = recvmsg(control_fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n > 0 ? fds_of(&msg, fds, max) : (int)n;
}

bool control_ready(int control_fd)
{
	return send(control_fd, &ready_word, 1, MSG_NOSIGNAL) == 1;
}

int control_hear(int control_fd)
{
	char word;
	ssize_t n;

	do
		n = recv(control_fd, &word, 1, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n == 1 && word != ready_word) {
		errno = EBADMSG;
		return -1;
	}
	return (int)n;
}
