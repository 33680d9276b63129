#include "hallmarkd/child.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/owner.h"
#include "base/timestamp.h"
#include "hallmarkd/config.h"

static struct child *child_of(struct watch *w)
{
	return OWNER_OF(w, struct child, watch);
}

/* ---- In the new process ---- */

/* Numbers above those they will take, so that none overwrites another on its way. */
static bool place_fds(const struct child_plan *plan)
{
	int high[CHILD_FDS];

	for (int i = 0; i < plan->nfds; i++) {
		if ((high[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, 3 + CHILD_FDS)) < 0)
			return false;
	}
	for (int i = 0; i < plan->nfds; i++) {
		if (dup2(high[i], 3 + i) < 0)
			return false;
	}
	return close_range((unsigned)(3 + plan->nfds), ~0U, 0) == 0;
}

static bool place_streams(const struct child_plan *plan)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return null >= 0 && dup2(null, 0) == 0 && (!plan->out || dup2(plan->out, 1) == 1) &&
	       (!plan->err || dup2(plan->err, 2) == 2);
}

static void clear_settings(void)
{
	size_t prefix = strlen(config_table.prefix);

	for (char **e = environ; *e;) {
		if (strncmp(*e, config_table.prefix, prefix) != 0) {
			e++;
			continue;
		}
		char *name = strndup(*e, strcspn(*e, "="));
		if (!name || unsetenv(name) != 0)
			e++;
		free(name);
	}
	for (int i = 0; i < config_table.n; i++) {
		if (config_table.rows[i].env)
			unsetenv(config_table.rows[i].env);
	}
}

static void default_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static _Noreturn void become(const struct child_plan *plan, pid_t parent)
{
	const char *path = plan->path ? plan->path : "/proc/self/exe";

	setsid();
	if (prctl(PR_SET_PDEATHSIG, plan->death_signal) != 0 || getppid() != parent)
		_exit(127);
	if (plan->clean)
		clear_settings();
	if (place_streams(plan) && place_fds(plan)) {
		default_signals();
		/* execv takes char *const * for history's sake and changes nothing */
		execv(path, (char *const *)plan->argv);
	}
	log_line(LOG_ERROR, "exec_failed", LOG_TEXT("program", plan->argv[0]),
		 LOG_TEXT("why", strerror(errno)));
	_exit(127);
}

/* ---- In the supervisor ---- */

static void child_ended(struct watch *w, uint32_t events)
{
	struct child *c = child_of(w);
	pid_t pid = c->pid;
	int status;

	(void)events;
	poller_unwatch(c->poller, w);
	close(w->fd);
	c->pid = 0;
	pid_t got;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	c->ended(c, got == pid ? status : -1);
}

bool child_adopt(struct child *c, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return false;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	c->watch = (struct watch){.fd = fd, .ready = child_ended};
	if (!poller_watch(c->poller, &c->watch, EPOLLIN)) {
		close(fd);
		return false;
	}
	c->pid = pid;
	c->started = monotonic_us();
	return true;
}

static pid_t fork_exec(const struct child_plan *plan)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		become(plan, parent);
	return pid;
}

bool child_start(struct child *c, const struct child_plan *plan)
{
	pid_t pid = fork_exec(plan);

	if (pid < 0)
		return false;
	if (child_adopt(c, pid))
		return true;
	int saved = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = saved;
	return false;
}

void child_signal(const struct child *c, int sig)
{
	if (c->pid)
		syscall(SYS_pidfd_send_signal, c->watch.fd, sig, NULL, 0);
}

/* The end of what comes, without the white space after it. */
static const char *read_tail(struct arena *a, int fd)
{
	const size_t tail = 2048;
	char *text = arena_alloc(a, 2 * tail + 1);
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, 2 * tail - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len == 2 * tail) {
			memcpy(text, text + tail, tail);
			len = tail;
		}
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

int child_run(struct arena *a, const struct child_plan *plan, const char **said)
{
	struct child_plan piped = *plan;
	int ends[2], status;

	*said = "";
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	piped.out = piped.err = ends[1];
	pid_t pid = fork_exec(&piped), got;
	close(ends[1]);
	if (pid > 0)
		*said = read_tail(a, ends[0]);
	close(ends[0]);
	if (pid < 0)
		return -1;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == pid ? status : -1;
}
