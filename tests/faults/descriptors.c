/* descriptors.c - a system that has no descriptor left for the service.
 *
 * Preloaded into hallmarkd. While the file that NO_DESCRIPTORS names exists, the process with the
 * role "service" gets ENFILE from every call that would make a descriptor; the other processes are
 * left alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *sign; /* NULL: this process is left alone */

__attribute__((constructor)) static void look_who_we_are(void)
{
	char words[256] = "";
	const int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd >= 0 ? read(fd, words, sizeof(words) - 1) : 0;

	if (fd >= 0)
		close(fd);
	if (len > 0 && memmem(words, (size_t)len, "\0service", sizeof("\0service")))
		sign = getenv("NO_DESCRIPTORS");
}

static bool none_left(void)
{
	const int before = errno;

	if (!sign || access(sign, F_OK) != 0) {
		errno = before;
		return false;
	}
	errno = ENFILE;
	return true;
}

/* What stands behind ours, by its name. */
#define NEXT(name)                                                                                 \
	static __typeof__(name) *next;                                                             \
	if (!next)                                                                                 \
	*(void **)&next = dlsym(RTLD_NEXT, #name)

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are reserved */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
	NEXT(accept4);
	return none_left() ? -1 : next(fd, address, len, flags);
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict len)
{
	NEXT(accept);
	return none_left() ? -1 : next(fd, address, len);
}

int socket(int domain, int type, int protocol)
{
	NEXT(socket);
	return none_left() ? -1 : next(domain, type, protocol);
}

/* The mode is there or not; reading one that is not there does no harm on Linux's ABIs. */
#define OPENS(name)                                                                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list more;                                                                      \
		va_start(more, flags);                                                             \
		const mode_t mode = va_arg(more, mode_t);                                          \
		va_end(more);                                                                      \
		NEXT(name);                                                                        \
		return none_left() ? -1 : next(path, flags, mode);                                 \
	}
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                                             \
	int name(int folder, const char *path, int flags, ...)                                     \
	{                                                                                          \
		va_list more;                                                                      \
		va_start(more, flags);                                                             \
		const mode_t mode = va_arg(more, mode_t);                                          \
		va_end(more);                                                                      \
		NEXT(name);                                                                        \
		return none_left() ? -1 : next(folder, path, flags, mode);                         \
	}
OPENS_AT(openat)
OPENS_AT(openat64)
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
