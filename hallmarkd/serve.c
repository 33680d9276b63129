#include "hallmarkd/serve.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/server.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "hallmarkd/control.h"
#include "registry/secret.h"

static const int64_t header_timeout_us = 10000000, idle_timeout_us = 60000000;

enum { READY_POLL_MS = 5 };
enum { LARGE = 128 * 1024 };
enum { OTHER_DESCRIPTORS = 512 };

struct keys {
	unsigned char tokens[SECRET_SUBKEY], pages[SECRET_SUBKEY];
};

static struct problem subkeys(struct arena *a, const struct config *c, struct keys *out)
{
	struct secret secret;

	TRY(secret_read(a, c->secret_file, &secret));
	secret_subkey(&secret, SECRET_TOKENS, out->tokens);
	secret_subkey(&secret, SECRET_PAGES, out->pages);
	sodium_memzero(&secret, sizeof(secret));
	return NO_PROBLEM;
}

static struct service_options options_of(const struct config *c, const struct keys *k)
{
	return (struct service_options){
		.listen = c->listen,
		.hosts = c->allowed_hosts,
		.probes = c->probes,
		.conninfo = c->database_url,
		.storage = {.location = c->storage_path,
			    .driver = c->storage_driver,
			    .scratch = c->transfers,
			    .access_key = c->s3_access_key,
			    .secret_key = c->s3_secret_key},
		.token_key = k->tokens,
		.page_key = k->pages,
		.loops = c->loops,
		.jobs = c->storage_threads,
		.slow_lanes = c->slow_lanes,
		.write_lanes = c->write_lanes,
		.max_upload = c->max_upload,
		.max_body = c->max_body,
		.request_memory = c->request_memory,
		.publish_reread = c->publish_reread,
		.header_timeout_us = header_timeout_us,
		.idle_timeout_us = idle_timeout_us,
		.drain_delay_us = c->drain_delay,
		.drain_timeout_us = c->drain_limit,
		.connections = c->connections / c->loops,
	};
}

/* False when the supervisor is gone. */
static bool take_sockets(struct server *s, int control_fd)
{
	int fds[CONTROL_FDS_MAX];
	int n = control_receive(control_fd, fds, CONTROL_FDS_MAX);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n < 0)
		log_line(LOG_ERROR, "control", LOG_TEXT("why", strerror(errno)));
	for (int i = 0; i < n; i++)
		server_signer_socket(s, i, fds[i]);
	return n != 0;
}

/* Until it is time to go. */
static void watch(struct server *s, int control_fd, int signals)
{
	bool said = false;

	for (;;) {
		struct pollfd fds[] = {{.fd = control_fd, .events = POLLIN},
				       {.fd = signals, .events = POLLIN}};

		if (!said && server_ready(s))
			said = control_ready(control_fd);
		if (poll(fds, 2, said ? -1 : READY_POLL_MS) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			return;
		if (fds[0].revents && !take_sockets(s, control_fd))
			return;
	}
}

/* Signals come to this thread alone, as something to read. */
static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* glibc raises both limits to the largest piece that was ever freed, and then keeps twice as
 * much for good: after a few bodies of some megabytes the service stood at 200 MiB. */
static void give_memory_back(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, LARGE);
	/* With the first byte of a huge page all of it is there, and thousands of idle connections,
	 * whose memory went back page by page, would be whole again. */
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
		log_line(LOG_DEBUG, "huge_pages", LOG_TEXT("why", strerror(errno)));
}

/* Each connection has a socket, and perhaps a file: of an upload, of a download. The rest is for
 * the database, the signer, the loops and what storage has open. A system's preset is often 1,024
 * with the right to raise it. */
static void raise_descriptors(const struct config *c)
{
	const rlim_t least = (rlim_t)c->connections + OTHER_DESCRIPTORS;
	const rlim_t wanted = 2 * (rlim_t)c->connections + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= least)
		return;
	log_line(LOG_WARN, "descriptors",
		 LOG_TEXT("why", "the system allows too few open files for so many connections; "
				 "raise its limit (LimitNOFILE=, ulimit -n) or lower connections"),
		 LOG_INT("allowed", (int64_t)limit.rlim_cur), LOG_INT("needed", (int64_t)least),
		 LOG_INT("connections", c->connections));
}

int serve_main(struct arena *a, const struct config *c, int control_fd)
{
	give_memory_back();
	raise_descriptors(c);
	int signals = signals_open();
	struct server *server;
	struct keys keys;
	struct problem p = subkeys(a, c, &keys);

	if (p.code == PROBLEM_NONE) {
		const struct service_options options = options_of(c, &keys);

		p = server_open(a, &options, &server);
	}
	if (p.code != PROBLEM_NONE) {
		log_line(LOG_ERROR, "start", LOG_TEXT("why", p.detail));
		return 1;
	}
	server_start(server);
	FAILPOINT(LISTENING);
	log_line(LOG_INFO, "listening", LOG_TEXT("address", c->listen), LOG_INT("loops", c->loops));
	watch(server, control_fd, signals);
	log_line(LOG_INFO, "draining");
	server_drain(server);
	bool whole = server_close(server);
	sodium_memzero(&keys, sizeof(keys));
	log_line(LOG_INFO, "stopped");
	if (!whole)
		_exit(0); /* threads still hash: OpenSSL must not be taken from under them */
	return 0;
}
