/* The loop's client against the real process: forked, sandboxed, killed. */
#include "registry/signer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dsse.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "hallmarkd/key_folder.h"
#include "hallmarkd/signer.h"
#include "registry/signer_wire.h"
#include "tests/unit/run.h"
#include "tests/unit/tap.h"

#define SECOND INT64_C(1000000)
enum { PARTY = 4 };

static char dir[] = "/tmp/hallmark-signer-XXXXXX";
static char keys_dir[64];

static const char manifest[] =
	"{\"project\":\"default\",\"model\":\"m\",\"model_id\":\"0192f0c1-2a3b-7c4d-8e5f-"
	"001122334455\","
	"\"version\":\"1.0.0\",\"version_id\":\"0192f0c1-2a3b-7c4d-8e5f-001122334466\",\"ordinal\":"
	"1,"
	"\"params\":{\"epochs\":3},\"lineage\":[],\"files\":[{\"path\":\"weights\",\"sha256\":"
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"size\":3,"
	"\"media_type\":\"application/octet-stream\"}]}";

/* ---- the process ---- */

struct process {
	pid_t pid;
	int sockets[PARTY]; /* our ends, non-blocking; -1 when handed on */
};

/* In the child: what the supervisor's exec would leave open, and no more. */
static void become_signer(int n, int ours[], const int theirs[])
{
	for (int i = 0; i < n; i++)
		close(ours[i]);
	_exit(signer_main(n, theirs, keys_dir));
}

static struct process start_signer(int n)
{
	struct process p = {.pid = -1};
	int theirs[PARTY];

	for (int i = 0; i < n; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			return p;
		fcntl(pair[0], F_SETFL, O_NONBLOCK);
		p.sockets[i] = pair[0];
		theirs[i] = pair[1];
	}
	fflush(stdout);
	p.pid = fork();
	if (p.pid == 0)
		become_signer(n, p.sockets, theirs);
	for (int i = 0; i < n; i++)
		close(theirs[i]);
	return p;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- calls ---- */

struct asked {
	struct sign_call call;
	int done;
	struct problem p;
};

static void on_done(struct sign_call *call, struct problem p)
{
	struct asked *asked = (struct asked *)(void *)call;

	asked->done++;
	asked->p = p;
}

static struct asked ask(struct arena *a, enum sign_kind kind, const struct minisign_public *key)
{
	struct asked asked = {
		.call = {.kind = kind, .arena = a, .done = on_done, .key = *key},
	};

	if (kind == SIGN_ARTIFACT) {
		asked.call.artifact.project = "default";
		asked.call.artifact.model = "m";
		asked.call.artifact.version = "1.0.0";
		asked.call.artifact.path = "weights";
		sha256_of("abc", 3, asked.call.artifact.sha256);
		blake2b_of("abc", 3, asked.call.artifact.blake2b);
	} else if (kind == SIGN_VERSION) {
		asked.call.version.manifest = manifest;
		asked.call.version.manifest_len = strlen(manifest);
		asked.call.version.at = 1768341796000000;
	}
	return asked;
}

static void turn_until(struct poller *poller, const struct asked *asked, int64_t most)
{
	const int64_t end = monotonic_us() + most;

	while (!asked->done && monotonic_us() < end)
		poller_turn(poller, end);
}

static struct problem sign(struct poller *poller, struct signer *s, struct asked *asked)
{
	signer_submit(s, &asked->call);
	if (asked->done)
		return (struct problem){.code = PROBLEM_INTERNAL,
					.detail = "done() came too early"};
	turn_until(poller, asked, 10 * SECOND);
	if (asked->done != 1)
		return (struct problem){.code = PROBLEM_INTERNAL, .detail = "done() never came"};
	return asked->p;
}

/* ---- what must hold ---- */

static void stock_tools_agree(struct arena *a, const struct minisign_public *key,
			      const char *minisig, const char *envelope)
{
	const char *text = minisign_public_file(a, key), *pem = minisign_public_pem(a, key);
	struct dsse d;
	size_t len;

	write_file("weights", "abc", 3);
	write_file("weights.minisig", minisig, strlen(minisig));
	write_file("key.pub", text, strlen(text));
	write_file("key.pem", pem, strlen(pem));
	is_int(RUN("minisign", "-V", "-H", "-m", "weights", "-p", "key.pub"), 0,
	       "stock minisign accepts the artifact's signature");

	is_int(dsse_verify(a, key, envelope, strlen(envelope), &d).code, PROBLEM_NONE,
	       "the envelope verifies");
	const char *sig = strstr(envelope, "\"sig\":\"") + 7;
	unsigned char *bytes;
	if (!ok(base64_read(a, BASE64_STANDARD, sig, strcspn(sig, "\""), &bytes, &len),
		"its signature is base64"))
		return;
	write_file("sig", bytes, len);
	const char *pae = dsse_pae(a, d.type, d.payload, d.len, &len);
	write_file("pae", pae, len);
	is_int(RUN("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in",
		   "pae", "-sigfile", "sig"),
	       0, "stock openssl accepts the version's signature");
	ok(strstr(d.payload, "\"subject\":[{\"name\":\"weights\"") &&
		   strstr(d.payload, "\"epochs\":3"),
	   "the statement names the file and the params");
}

static void signs_what_it_is_asked(struct arena *a, struct poller *poller, struct signer *s,
				   const struct minisign_public *key)
{
	struct asked keys = ask(a, SIGN_KEYS, key), file = ask(a, SIGN_ARTIFACT, key),
		     version = ask(a, SIGN_VERSION, key);

	is_int(sign(poller, s, &keys).code, PROBLEM_NONE, "the signer says which keys it holds");
	is_int(keys.call.nkeys, 2, "two");
	bool held = false;
	for (int i = 0; i < keys.call.nkeys; i++)
		held |= memcmp(&keys.call.keys[i], key, sizeof(*key)) == 0;
	ok(held, "ours is one of them");
	is_int(sign(poller, s, &file).code, PROBLEM_NONE, "it signs a file");
	is_int(sign(poller, s, &version).code, PROBLEM_NONE, "it signs a version");
	if (!file.call.text || !version.call.text)
		return;
	is_int(file.call.text_len, strlen(file.call.text), "the texts' lengths are right");
	stock_tools_agree(a, key, file.call.text, version.call.text);
}

static void refuses(struct arena *a, struct poller *poller, struct signer *s,
		    const struct minisign_public *key)
{
	struct minisign_public stranger = *key;
	stranger.id[0] ^= 1;
	struct asked file = ask(a, SIGN_ARTIFACT, &stranger);
	is_int(sign(poller, s, &file).code, PROBLEM_FORBIDDEN, "a key it does not hold is refused");

	/* The id of a key that is held, with another public half: a signature comes back. */
	stranger = *key;
	stranger.key[0] ^= 1;
	file = ask(a, SIGN_ARTIFACT, &stranger);
	is_int(sign(poller, s, &file).code, PROBLEM_INTERNAL,
	       "a signature that does not hold is not handed on");
	ok(!file.call.text, "not even its text");
	struct asked version = ask(a, SIGN_VERSION, &stranger);
	is_int(sign(poller, s, &version).code, PROBLEM_INTERNAL, "nor such an envelope");

	version = ask(a, SIGN_VERSION, key);
	version.call.version.manifest_len--;
	is_int(sign(poller, s, &version).code, PROBLEM_INTERNAL, "a broken manifest is refused");
	file = ask(a, SIGN_ARTIFACT, key);
	file.call.artifact.path = "../x";
	is_int(sign(poller, s, &file).code, PROBLEM_INTERNAL, "a path that climbs is refused");

	char *large = calloc(1, (size_t)WIRE_REQUEST_MAX + 1);
	version = ask(a, SIGN_VERSION, key);
	version.call.version.manifest = large;
	version.call.version.manifest_len = (size_t)WIRE_REQUEST_MAX + 1;
	is_int(sign(poller, s, &version).code, PROBLEM_TOO_LARGE,
	       "a manifest over the limit is refused");
	free(large);
	file = ask(a, SIGN_ARTIFACT, key);
	is_int(sign(poller, s, &file).code, PROBLEM_NONE, "after all of which it still signs");
}

static void wrong_way_out(void *who)
{
	(void)who;
	printf("not ok - the arena's own way out was taken\n");
	exit(1);
}

/* A request whose arena has no room for the answer must not be jumped into. */
static void a_full_arena_is_a_problem(struct poller *poller, struct signer *s,
				      const struct minisign_public *key)
{
	const size_t limit = 16384;
	struct arena *small = arena_new(limit);
	struct asked file = ask(small, SIGN_ARTIFACT, key);

	arena_bytes(small, limit - 200);
	arena_on_full(small, wrong_way_out, NULL);
	is_int(sign(poller, s, &file).code, PROBLEM_TOO_LARGE, "a full arena is a problem");
	arena_free(small);
}

/* 2,000 calls, the signer killed among them: each ends once, and well. */
static void a_killed_signer_is_replaced(struct arena *a, struct poller *poller, struct signer *s,
					pid_t pid, const struct minisign_public *key)
{
	enum { CALLS = 2000 };
	struct asked *calls = calloc(CALLS, sizeof(*calls));
	int done = 0, once = 0, good = 0, same = 0, early = 0;

	for (int i = 0; i < CALLS; i++) {
		calls[i] = ask(a, i % 10 ? SIGN_ARTIFACT : SIGN_VERSION, key);
		signer_submit(s, &calls[i].call);
	}
	while (!calls[100].done)
		poller_turn(poller, monotonic_us() + SECOND);
	kill(pid, SIGKILL);
	is_int(wait_for(pid), -SIGKILL, "the signer is killed");
	while (signer_connected(s))
		poller_turn(poller, monotonic_us() + SECOND);
	for (int i = 0; i < CALLS; i++)
		early += calls[i].done;
	ok(early > 100 && early < CALLS, "%d of %d calls had been answered", early, CALLS);

	struct process next = start_signer(1);
	signer_socket(s, next.sockets[0]);
	for (int64_t end = monotonic_us() + 20 * SECOND; done < CALLS && monotonic_us() < end;) {
		poller_turn(poller, end);
		done = 0;
		for (int i = 0; i < CALLS; i++)
			done += calls[i].done > 0;
	}
	for (int i = 0; i < CALLS; i++) {
		const struct sign_call *call = &calls[i].call;

		once += calls[i].done == 1;
		good += calls[i].p.code == PROBLEM_NONE;
		same += call->text && strcmp(call->text, calls[i % 10 ? 1 : 0].call.text) == 0;
	}
	is_int(once, CALLS, "every call ends exactly once");
	is_int(good, CALLS, "every call ends well");
	is_int(same, CALLS, "both signers gave the same signatures");
	kill(next.pid, SIGKILL);
	wait_for(next.pid);
	free(calls);
}

static void nobody_answers(struct arena *a, struct poller *poller,
			   const struct minisign_public *key)
{
	struct signer *s = signer_new(poller);
	struct asked file = ask(a, SIGN_ARTIFACT, key), freed = ask(a, SIGN_ARTIFACT, key);
	const int64_t before = monotonic_us();

	ok(!signer_connected(s), "a new client has no signer");
	is_int(sign(poller, s, &file).code, PROBLEM_UNAVAILABLE, "without a signer a call fails");
	const int64_t took = monotonic_us() - before;
	ok(took >= 5 * SECOND && took < 6 * SECOND, "after five seconds (%.3f)",
	   (double)took / SECOND);
	signer_submit(s, &freed.call);
	signer_free(s);
	ok(freed.done == 1 && freed.p.code == PROBLEM_UNAVAILABLE,
	   "a call that waits when its client ends is told so");
}

/* ---- one loop and the others ---- */

static void write_whole(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
		else if (n < 0)
			return;
		else
			p += n, len -= (size_t)n;
	}
}

/* What the signer answers to any bytes: how often it refuses, and whether it lives. */
static int refusals(int fd, int want)
{
	struct wire_in in = {.max = WIRE_ANSWER_MAX};
	struct wire_frame f;
	int n = 0;

	while (n < want) {
		while (wire_next(&in, &f) == WIRE_FRAME)
			n += f.kind == WIRE_ANSWER_REFUSED;
		if (n < want && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 3000) != 1)
			break;
		if (n < want && wire_fill(&in, fd) <= 0)
			break;
	}
	wire_in_free(&in);
	return n;
}

static void odd_frames_are_refused(int fd)
{
	static const unsigned char empty[] = {0, 0, 0, 0}, unknown[] = {9, 0, 0, 0, 99, 1},
				   cut[] = {11, 0, 0, 0, WIRE_KEYS, 2};
	static const unsigned char head[] = {1, 0, 0, 4, WIRE_VERSION, 3, 0, 0, 0, 0, 0, 0, 0};
	static const char zeros[65536];
	struct wire_out out = {0};

	write_whole(fd, empty, sizeof(empty));
	write_whole(fd, unknown, 6), write_whole(fd, zeros, 7);
	write_whole(fd, cut, 6), write_whole(fd, zeros, 9);
	write_whole(fd, head, sizeof(head));
	for (size_t left = (4 << 24) + 1 - 9; left;) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		write_whole(fd, zeros, n);
		left -= n;
	}
	wire_put(&out, &(struct wire_frame){.kind = WIRE_ARTIFACT, .id = 4}); /* no fields */
	wire_put(&out,
		 &(struct wire_frame){.kind = WIRE_KEYS, .id = 5, .n = 1, .fields = {{"x", 1}}});
	wire_put(&out,
		 &(struct wire_frame){
			 .kind = WIRE_ARTIFACT,
			 .id = 6,
			 .n = 7,
			 .fields = {{zeros, 7}, {0}, {0}, {0}, {0}, {zeros, 32}, {zeros, 64}}});
	write_whole(fd, out.bytes, out.len);
	wire_out_free(&out);
	is_int(refusals(fd, 7), 7,
	       "empty, unknown, cut, oversized and misshapen frames are refused");
}

static void random_bytes_do_not_kill(int fd)
{
	unsigned char noise[4096];

	for (int i = 0; i < 500; i++) {
		randombytes_buf(noise, sizeof(noise));
		write_whole(fd, noise, 1 + noise[0] * 16U);
	}
}

/* Asks and asks, reads nothing, until the signer reads no more: how much it took. */
static size_t ask_without_reading(int fd, const struct minisign_public *key, size_t most)
{
	static const unsigned char time[8];
	struct wire_out out = {0};
	size_t sent = 0;

	wire_put(&out, &(struct wire_frame){.kind = WIRE_VERSION,
					    .n = 3,
					    .fields = {{key->id, 8},
						       {manifest, strlen(manifest)},
						       {time, sizeof(time)}}});
	while (sent < most) {
		size_t at = sent % out.len;
		ssize_t n = write(fd, out.bytes + at, out.len - at);

		if (n > 0)
			sent += (size_t)n;
		else if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 500) != 1)
			break;
	}
	wire_out_free(&out);
	return sent;
}

/* One loop asks and never reads, one sends noise; a third is served all the while. */
static void loops_do_not_hold_each_other_up(struct arena *a, struct poller *poller,
					    struct signer *s, const struct process *p,
					    const struct minisign_public *key)
{
	enum { MOST = 16 << 20 };
	size_t sent = ask_without_reading(p->sockets[1], key, MOST);

	ok(sent < MOST, "a loop that reads nothing is not read from any more (%zu bytes)", sent);
	random_bytes_do_not_kill(p->sockets[2]);
	struct asked file = ask(a, SIGN_ARTIFACT, key);
	const int64_t before = monotonic_us();
	is_int(sign(poller, s, &file).code, PROBLEM_NONE, "another loop is served meanwhile");
	ok(monotonic_us() - before < SECOND, "at once");
}

/* ---- the keys stay where they are ---- */

static bool region_holds(int mem, unsigned long from, unsigned long to, const unsigned char *needle,
			 size_t len)
{
	bool found = false;

	for (unsigned long at = from; at < to && !found; at += 1 << 20) {
		size_t n = to - at < (1 << 20) + len ? to - at : (1 << 20) + len;
		unsigned char *bytes = malloc(n);
		ssize_t got = bytes ? pread(mem, bytes, n, (off_t)at) : -1;

		found = got > 0 && memmem(bytes, (size_t)got, needle, len);
		free(bytes);
	}
	return found;
}

/* 1: the process has these bytes somewhere; 0: it has not; 2: nobody may look. */
static int memory_holds(pid_t pid, const unsigned char *needle, size_t len)
{
	char path[64], line[512];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || mem < 0) {
		if (maps)
			fclose(maps);
		return 2;
	}
	while (!found && fgets(line, sizeof(line), maps)) {
		char *rest;
		unsigned long from = strtoul(line, &rest, 16);
		unsigned long to = *rest == '-' ? strtoul(rest + 1, &rest, 16) : 0;

		if (rest[0] == ' ' && rest[1] == 'r' && to - from < (1UL << 30))
			found = region_holds(mem, from, to, needle, len);
	}
	fclose(maps);
	close(mem);
	return found;
}

static bool seed_of(const struct minisign_public *key, unsigned char seed[32])
{
	struct arena *a = arena_new(1 << 20);
	struct key_folder folder;
	struct problem p = key_folder_read(a, keys_dir, &folder);
	const struct signing_key *k =
		p.code == PROBLEM_NONE ? key_folder_find(&folder, key->id) : NULL;

	if (k)
		memcpy(seed, k->secret.key, 32);
	key_folder_close(&folder);
	arena_free(a);
	return k != NULL;
}

/* Asked in a process of its own, because it has to know the key to look for it. */
static int look_into(pid_t pid, const struct minisign_public *key)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		unsigned char seed[32];

		_exit(seed_of(key, seed) ? memory_holds(pid, seed, sizeof(seed)) : 3);
	}
	return wait_for(child);
}

static void keys_stay_with_the_signer(const struct minisign_public *key, pid_t signer)
{
	is_int(look_into(getpid(), key), 0, "the client's memory holds no key");
	if (geteuid() == 0)
		is_int(look_into(signer, key), 1, "the signer's does (so the search can find one)");
	else
		is_int(look_into(signer, key), 2, "nobody but root may look into the signer");
}

/* ---- the folder ---- */

static bool make_key(struct minisign_public *key)
{
	int pipes[2];
	bool good = false;

	fflush(stdout);
	if (pipe(pipes) != 0)
		return false;
	pid_t child = fork(); /* so that this process never has the key */
	if (child == 0) {
		struct arena *a = arena_new(1 << 20);
		struct minisign_public made;
		struct problem p = key_create(a, keys_dir, &made);

		_exit(p.code != PROBLEM_NONE ||
		      write(pipes[1], &made, sizeof(made)) != sizeof(made));
	}
	if (wait_for(child) == 0)
		good = read(pipes[0], key, sizeof(*key)) == sizeof(*key);
	close(pipes[0]);
	close(pipes[1]);
	return good;
}

static int signer_status(void)
{
	struct process p = start_signer(1);

	close(p.sockets[0]);
	return wait_for(p.pid);
}

static void the_folder_is_checked(const struct minisign_public *key)
{
	char id[MINISIGN_ID_TEXT], path[128], odd[128];
	struct stat st;

	minisign_id_text(key->id, id);
	snprintf(path, sizeof(path), "%s/%s.key", keys_dir, id);
	snprintf(odd, sizeof(odd), "%s/odd.key", keys_dir);
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "a key file is 0600");
	ok(stat(keys_dir, &st) == 0 && (st.st_mode & 0777) == 0700, "its folder is 0700");
	is_int(signer_status(), 0, "a signer whose sockets are closed ends well");
	chmod(path, 0640);
	is_int(signer_status(), 1, "a key file that its owner's group may read is refused");
	chmod(path, 0604);
	is_int(signer_status(), 1, "one that the world may read is refused");
	chmod(path, 0600);
	write_file(odd, "hello\n", 6);
	chmod(odd, 0600);
	is_int(signer_status(), 1, "a file that is no key is refused");
	unlink(odd);
	is_int(RUN("cp", "-p", path, odd), 0, "(a copy of a key)");
	is_int(signer_status(), 1, "the same key twice is refused");
	unlink(odd);
	is_int(RUN("mkfifo", "-m", "600", odd), 0, "(a pipe)");
	is_int(signer_status(), 1, "a pipe that nobody writes is refused, not waited for");
	unlink(odd);
	is_int(signer_status(), 0, "without them all is well again");
	rename(keys_dir, "elsewhere");
	is_int(signer_status(), 1, "no folder is refused");
	mkdir(keys_dir, 0700);
	is_int(signer_status(), 1, "an empty folder is refused");
	rmdir(keys_dir);
	rename("elsewhere", keys_dir);
}

int main(void)
{
	struct minisign_public key, second;

	if (sodium_init() < 0 || !mkdtemp(dir) || chdir(dir) != 0)
		return 1;
	if (!freopen("signer.log", "w", stderr))
		return 1;
	snprintf(keys_dir, sizeof(keys_dir), "%s/keys", dir);
	ok(make_key(&key) && make_key(&second), "keys are made");
	the_folder_is_checked(&key);

	struct arena *a = arena_new(64 << 20);
	struct poller *poller = poller_new();
	struct signer *s = signer_new(poller);
	struct process p = start_signer(PARTY);
	signer_socket(s, p.sockets[0]);
	ok(signer_connected(s), "a client has its signer");
	signs_what_it_is_asked(a, poller, s, &key);
	refuses(a, poller, s, &key);
	a_full_arena_is_a_problem(poller, s, &key);
	odd_frames_are_refused(p.sockets[3]);
	loops_do_not_hold_each_other_up(a, poller, s, &p, &key);
	keys_stay_with_the_signer(&key, p.pid);
	a_killed_signer_is_replaced(a, poller, s, p.pid, &key);
	nobody_answers(a, poller, &key);
	signer_free(s);
	poller_free(poller);
	arena_free(a);
	is_int(RUN("rm", "-r", dir), 0, "the folder is gone");
	return tap_done();
}
