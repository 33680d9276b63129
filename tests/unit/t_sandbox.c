/* Each thing that a sandbox takes away or leaves is tried in a process of its own. */
#include "hallmarkd/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/run.h"
#include "tests/unit/tap.h"

static char dir[] = "/tmp/hallmark-sandbox-XXXXXX";

/* ---- the signer ---- */

static int opens_a_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int opens_a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int forks(void)
{
	return (int)fork();
}

static int runs_a_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int maps_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static int takes_a_descriptor(void)
{
	struct msghdr m = {0};

	return (int)recvmsg(0, &m, 0);
}

static int kills(void)
{
	return kill(getppid(), 0);
}

static int takes_memory(void)
{
	char *p = malloc(8 << 20);

	if (p)
		memset(p, 1, 8 << 20);
	free(p);
	return p ? 0 : -1;
}

static int writes(void)
{
	int null = STDERR_FILENO;

	return (int)write(null, "", 0);
}

static const struct {
	int (*tries)(void);
	const char *what;
	bool allowed;
} deeds[] = {
	{takes_memory, "take and give back memory", true},
	{writes, "write to what is open", true},
	{opens_a_file, "open a file", false},
	{opens_a_socket, "open a socket", false},
	{forks, "fork", false},
	{runs_a_program, "run a program", false},
	{maps_code, "map code", false},
	{takes_a_descriptor, "be handed a descriptor", false},
	{kills, "signal another process", false},
};

/* In the child: 0 the deed was done, 1 it was refused, 2 the sandbox was. */
static int try_deed(int (*tries)(void))
{
	struct arena *a = arena_new(1 << 20);

	if (sandbox_signer(a).code != PROBLEM_NONE)
		return 2;
	return tries() < 0;
}

static void the_signer_can_do_little(void)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		int status = -1;

		fflush(stdout);
		pid_t child = fork();
		if (child == 0)
			_exit(try_deed(deeds[i].tries));
		waitpid(child, &status, 0);
		bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
		bool refused = WIFEXITED(status) && WEXITSTATUS(status) == 1; /* sanitizers */
		bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
		ok(deeds[i].allowed ? done : killed || refused, "a signer can%s %s",
		   deeds[i].allowed ? "" : "not", deeds[i].what);
	}
}

/* ---- the service ---- */

static bool can_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool can_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	bool good = write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0;
	close(fd);
	return good;
}

static void inside_the_service(void)
{
	struct rlimit core;

	is_int(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0, "nobody may look into the service");
	is_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1, "it gains no privileges");
	ok(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0, "it leaves no core");

	ok(can_read("store/file"), "it reads what lies beside the keys");
	ok(can_create("store/new"), "it makes files there");
	ok(mkdir("store/deep", 0700) == 0 && can_create("store/deep/new"), "and folders");
	ok(rename("store/new", "store/deep/moved") == 0, "it moves them between folders");
	ok(unlink("store/deep/moved") == 0 && unlink("store/deep/new") == 0 &&
		   rmdir("store/deep") == 0,
	   "it removes them");
	ok(can_read("/etc/passwd") && can_create("/dev/shm/hallmark-sandbox-test"),
	   "it reaches the rest of the system");
	unlink("/dev/shm/hallmark-sandbox-test");

	ok(!can_read("keys/a.key") && errno == EACCES, "it does not read a key");
	ok(!can_read("link.key") && errno == EACCES, "nor through a link");
	ok(!can_read("store/../keys/a.key") && errno == EACCES, "nor the long way round");
	ok(!can_create("keys/b.key") && errno == EACCES, "it makes no key");
	ok(open("keys/a.key", O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES, "it changes none");
	ok(unlink("keys/a.key") != 0 && errno == EACCES, "it removes none");
	ok(rename("keys/a.key", "store/a.key") != 0 && (errno == EXDEV || errno == EACCES),
	   "it moves none away");
	ok(link("keys/a.key", "store/a.key") != 0 && (errno == EXDEV || errno == EACCES),
	   "it gives none a second name");
	ok(rename("keys", "store/keys") != 0, "it does not move the folder away");
	ok(rename("keys", "keys2") != 0 || !can_read("keys2/a.key"),
	   "a new name of the folder does not open it");
}

/* The child counts on where the parent stands, and says how many failed. */
static void the_service_does_not_reach_the_keys(void)
{
	int status = -1;

	mkdir("keys", 0700), mkdir("store", 0700);
	write_file("keys/a.key", "secret", 6);
	write_file("store/file", "x", 1);
	if (symlink("keys/a.key", "link.key") != 0)
		return;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct arena *a = arena_new(1 << 20);
		int bad = tap_bad;

		ok(sandbox_service(a, "keys").code == PROBLEM_NONE, "the service is shut in");
		inside_the_service();
		fflush(stdout);
		_exit(tap_bad > bad ? 255 : tap_run);
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 255)
		tap_run = WEXITSTATUS(status);
	else
		ok(false, "all of the above");
}

static void a_folder_that_is_not_there(void)
{
	int status = -1;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct arena *a = arena_new(1 << 20);

		_exit(sandbox_service(a, "nowhere").code != PROBLEM_NONE ||
		      !can_read("store/file") || sandbox_supervisor(a).code != PROBLEM_NONE ||
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0);
	}
	waitpid(child, &status, 0);
	is_int(status, 0, "a folder that is not there denies nothing");
}

int main(void)
{
	const long abi =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (!mkdtemp(dir) || chdir(dir) != 0)
		return 1;
	the_signer_can_do_little();
	if (abi >= 2)
		the_service_does_not_reach_the_keys();
	else
		ok(true, "the service's wall # SKIP this kernel has no Landlock");
	a_folder_that_is_not_there();
	is_int(RUN("rm", "-r", dir), 0, "the folder is gone");
	return tap_done();
}
