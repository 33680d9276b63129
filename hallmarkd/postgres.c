#include "hallmarkd/postgres.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/failpoint.h"
#include "base/log.h"

enum { OLDEST = 15 };

#define SOCKET_NAME "/.s.PGSQL.5432"

/* ---- Where its socket is ---- */

static bool fits(const char *folder)
{
	struct sockaddr_un un;

	return strlen(folder) + sizeof(SOCKET_NAME) <= sizeof(un.sun_path);
}

/* By the uid alone, so that a command finds the same folder as the server. */
static const char *run_folder(struct arena *a, uid_t uid)
{
	const char *run = arena_printf(a, "/run/user/%u", (unsigned)uid);
	struct stat st;

	return stat(run, &st) == 0 && st.st_uid == uid ? run : "/tmp";
}

/* A folder in a place that others write to is taken only when it is ours alone. */
static struct problem private_folder(struct arena *a, const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return problem(a, PROBLEM_INVALID, "%s cannot be made: %s", path, strerror(errno));
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 0077))
		return problem(a, PROBLEM_INVALID,
			       "%s is not a folder of ours alone; remove it, or name a state "
			       "folder with a shorter path",
			       path);
	return NO_PROBLEM;
}

static const char *hashed_folder(struct arena *a, const char *state, uid_t uid)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	char hex[2 * sizeof(hash) + 1];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)state, strlen(state), NULL,
			   0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	return arena_printf(a, "%s/hallmark-%u-%.16s", run_folder(a, uid), (unsigned)uid, hex);
}

/* libpq's quoting of a value. */
static const char *quoted(struct arena *a, const char *value)
{
	char *out = arena_bytes(a, 2 * strlen(value) + 3), *o = out;

	*o++ = '\'';
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			*o++ = '\\';
		*o++ = *value;
	}
	memcpy(o, "'", 2);
	return out;
}

struct problem postgres_locate(struct arena *a, const struct config *c, const struct identity *who,
			       struct postgres *out)
{
	if (!who->name)
		return problem(a, PROBLEM_INVALID,
			       "the embedded PostgreSQL needs a user with a name, and user number "
			       "%u has none; name another database in DATABASE_URL",
			       (unsigned)who->uid);
	*out = (struct postgres){.user = who->name};
	out->data = arena_printf(a, "%s/postgres", c->state);
	out->socket = arena_printf(a, "%s/socket", c->state);
	if (!fits(out->socket))
		out->socket = hashed_folder(a, c->state, who->uid);
	out->conninfo =
		arena_printf(a, "host=%s port=5432 dbname=hallmark user=%s requirepeer=%s",
			     quoted(a, out->socket), quoted(a, who->name), quoted(a, who->name));
	return NO_PROBLEM;
}

/* ---- Its programs ---- */

/* The data folder's major version; 0: no data folder. */
static int data_major(struct arena *a, const struct postgres *pg)
{
	FILE *f = fopen(arena_printf(a, "%s/PG_VERSION", pg->data), "re");
	char text[16] = "";

	if (!f)
		return 0;
	bool read = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	return read ? (int)strtol(text, NULL, 10) : -1;
}

/* What `postgres --version` of that folder says: "postgres (PostgreSQL) 15.14 …". */
static int program_major(struct arena *a, const char *bin)
{
	const char *program = arena_printf(a, "%s/postgres", bin);
	int ends[2], status, major = 0;
	char text[128] = "";

	if (access(program, X_OK) != 0 || pipe2(ends, O_CLOEXEC) != 0)
		return 0;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execl(program, "postgres", "--version", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid > 0 && read(ends[0], text, sizeof(text) - 1) > 0) {
		const char *number = strpbrk(text, "0123456789");

		major = number ? (int)strtol(number, NULL, 10) : 0;
	}
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return major;
}

/* The best so far: the one version wanted, or the newest. */
struct search {
	int wanted; /* 0: the newest */
	int major;
	const char *bin;
};

static void offer(struct search *s, const char *bin, int major)
{
	if (major < OLDEST || major <= s->major || (s->wanted && major != s->wanted))
		return;
	s->major = major;
	s->bin = bin;
}

/* Debian and Red Hat keep versions side by side in folders that bear their number. */
static void search_folders(struct arena *a, struct search *s)
{
	static const char *const patterns[][2] = {
		{"/usr/lib/postgresql", ""},
		{"/usr", "pgsql-"},
		{"/opt", "pgsql-"},
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		DIR *d = opendir(patterns[i][0]);
		size_t skip = strlen(patterns[i][1]);

		for (const struct dirent *e; d && (e = readdir(d));) {
			if (strncmp(e->d_name, patterns[i][1], skip) != 0)
				continue;
			char *end;
			long major = strtol(e->d_name + skip, &end, 10);
			const char *bin = arena_printf(a, "%s/%s/bin", patterns[i][0], e->d_name);
			if (!*end && major > 0 && major < 1000 &&
			    access(arena_printf(a, "%s/initdb", bin), X_OK) == 0)
				offer(s, bin, (int)major);
		}
		if (d)
			closedir(d);
	}
}

static void search_path(struct arena *a, struct search *s)
{
	const char *path = getenv("PATH");

	for (; path && *path; path += strspn(path, ":")) {
		size_t len = strcspn(path, ":");
		const char *bin = arena_dup(a, path, len);

		if (*bin == '/')
			offer(s, bin, program_major(a, bin));
		path += len;
	}
}

static struct problem not_found(struct arena *a, const struct config *c, const struct postgres *pg,
				int wanted)
{
	const char *where =
		c->postgres_bin ? c->postgres_bin : "/usr/lib/postgresql/*/bin or on the PATH";

	if (wanted)
		return problem(a, PROBLEM_INVALID,
			       "%s was made by PostgreSQL %d, which is not in %s; install "
			       "postgresql-%d, or upgrade the folder with pg_upgrade",
			       pg->data, wanted, where, wanted);
	return problem(a, PROBLEM_INVALID,
		       "there is no PostgreSQL %d or newer in %s; install one (Debian: apt install "
		       "postgresql), or name a running one in DATABASE_URL",
		       OLDEST, where);
}

struct problem postgres_find(struct arena *a, const struct config *c, struct postgres *pg)
{
	struct search s = {.wanted = data_major(a, pg)};

	if (s.wanted < 0)
		return problem(a, PROBLEM_INVALID, "%s/PG_VERSION cannot be read", pg->data);
	if (c->postgres_bin) {
		offer(&s, c->postgres_bin, program_major(a, c->postgres_bin));
	} else {
		search_folders(a, &s);
		if (!s.bin) /* asking programs for their version takes a while */
			search_path(a, &s);
	}
	if (!s.bin)
		return not_found(a, c, pg, s.wanted);
	pg->bin = s.bin;
	pg->major = s.major;
	return NO_PROBLEM;
}

/* ---- The data folder ---- */

static const char conf[] =
	"\n"
	"# Sizes for a registry on a machine it shares with others. What hallmarkd needs for\n"
	"# itself is on the command line; what stands here is yours to change.\n"
	"shared_buffers = 64MB\n"
	"work_mem = 8MB\n"
	"maintenance_work_mem = 64MB\n"
	"max_wal_size = 512MB\n"
	"jit = off\n";

/* Letters outside ASCII change case only under a UTF-8 character type. */
static const char *locale_name(void)
{
	locale_t l = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	if (!l)
		return "C";
	freelocale(l);
	return "C.UTF-8";
}

static bool append_conf(struct arena *a, const char *folder)
{
	int fd = open(arena_printf(a, "%s/postgresql.conf", folder),
		      O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool good =
		write(fd, conf, sizeof(conf) - 1) == (ssize_t)sizeof(conf) - 1 && fsync(fd) == 0;
	close(fd);
	return good;
}

/* A start that was cut short leaves a half-made folder under another name. */
static struct problem remove_left_over(struct arena *a, const char *folder)
{
	const char *argv[] = {"rm", "-rf", "--", folder, NULL}, *said;
	const struct child_plan plan = {.path = "/bin/rm", .argv = argv, .death_signal = SIGKILL};

	if (access(folder, F_OK) != 0 || child_run(a, &plan, &said) == 0)
		return NO_PROBLEM;
	return problem(a, PROBLEM_INTERNAL, "the half-made %s cannot be removed: %s", folder, said);
}

struct problem postgres_init(struct arena *a, const struct postgres *pg)
{
	const char *fresh = arena_printf(a, "%s.new", pg->data);

	if (data_major(a, pg))
		return NO_PROBLEM;
	TRY(remove_left_over(a, fresh));
	log_line(LOG_INFO, "database_made", LOG_TEXT("folder", pg->data),
		 LOG_INT("postgresql", pg->major));
	/* Named in full: it looks for `postgres` beside itself, else in PATH. */
	const char *program = arena_printf(a, "%s/initdb", pg->bin);
	const char *argv[] = {program,
			      "--pgdata",
			      fresh,
			      "--username",
			      pg->user,
			      "--auth=peer",
			      "--encoding=UTF8",
			      arena_printf(a, "--locale=%s", locale_name()),
			      "--text-search-config=simple",
			      "--data-checksums",
			      "--no-instructions",
			      NULL};
	const struct child_plan plan = {.path = program, .argv = argv, .death_signal = SIGTERM};
	const char *said;
	if (child_run(a, &plan, &said) != 0)
		return problem(a, PROBLEM_INTERNAL, "initdb cannot make %s: %s", fresh, said);
	if (!append_conf(a, fresh))
		return problem(a, PROBLEM_INTERNAL, "%s/postgresql.conf cannot be written: %s",
			       fresh, strerror(errno));
	FAILPOINT(INITDB_DONE);
	if (rename(fresh, pg->data) != 0)
		return problem(a, PROBLEM_INTERNAL, "%s cannot be renamed: %s", fresh,
			       strerror(errno));
	FAILPOINT(INITDB_RENAMED);
	return durable_folder_of(a, pg->data);
}

/* ---- The process ---- */

struct problem postgres_plan(struct arena *a, const struct postgres *pg, struct child_plan *out)
{
	static const char *const fixed[] = {
		"listen_addresses=",
		"port=5432",
		"unix_socket_permissions=0700",
		"unix_socket_group=",
		"max_connections=60",
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=",
		"lc_messages=C",
		"log_min_error_statement=panic",
		"log_timezone=UTC",
		"timezone=UTC",
		"log_checkpoints=off",
		"cluster_name=hallmark",
		"fsync=on",
		"full_page_writes=on",
		"synchronous_commit=on",
		"ssl=off",
		"restart_after_crash=on",
		"recovery_init_sync_method=syncfs",
	};
	enum { FIXED = sizeof(fixed) / sizeof(*fixed) };
	const char *program = arena_printf(a, "%s/postgres", pg->bin);
	const char **argv = arena_array(a, const char *, 2 * FIXED + 6);
	int n = 0;

	TRY(private_folder(a, pg->socket));
	argv[n++] = program;
	argv[n++] = "-D";
	argv[n++] = pg->data;
	argv[n++] = "-k";
	argv[n++] = pg->socket;
	for (int i = 0; i < FIXED; i++) {
		argv[n++] = "-c";
		argv[n++] = fixed[i];
	}
	/* SIGINT is PostgreSQL's fast and clean shutdown */
	*out = (struct child_plan){.path = program, .argv = argv, .death_signal = SIGINT};
	return NO_PROBLEM;
}

enum { PID_LINE = 0, FOLDER_LINE = 1, SOCKET_LINE = 4, STATUS_LINE = 7, PID_LINES = 8 };

/* The lines of postmaster.pid; how many there are. */
static int pid_file(struct arena *a, const struct postgres *pg, char *lines[PID_LINES])
{
	enum { ENOUGH = 4096 };
	int fd = open(arena_printf(a, "%s/postmaster.pid", pg->data), O_RDONLY | O_CLOEXEC);
	int n = 0;

	if (fd < 0)
		return 0;
	char *text = arena_alloc(a, ENOUGH + 1);
	ssize_t len = read(fd, text, ENOUGH);
	close(fd);
	for (char *line = text; len > 0 && *line && n < PID_LINES;) {
		char *end = line + strcspn(line, "\n");
		bool more = *end == '\n';

		*end = '\0';
		lines[n++] = line;
		line = end + more;
	}
	return n;
}

/* A process id may have been given to another program since: PostgreSQL's server is
 * the one that stands in the data folder. */
static bool stands_in(struct arena *a, pid_t pid, const char *folder)
{
	char cwd[PATH_MAX], data[PATH_MAX];
	ssize_t len = readlink(arena_printf(a, "/proc/%d/cwd", (int)pid), cwd, sizeof(cwd) - 1);

	if (len < 0 || !realpath(folder, data))
		return false;
	cwd[len] = '\0';
	return strcmp(cwd, data) == 0;
}

enum postgres_status postgres_status(struct arena *a, const struct postgres *pg, pid_t *pid)
{
	char *lines[PID_LINES];
	int n = pid_file(a, pg, lines);

	*pid = n > PID_LINE ? (pid_t)strtol(lines[PID_LINE], NULL, 10) : 0;
	if (*pid <= 0 || !stands_in(a, *pid, pg->data)) {
		*pid = 0;
		return POSTGRES_AWAY;
	}
	const char *status = n > STATUS_LINE ? lines[STATUS_LINE] : "starting";
	if (strncmp(status, "stopping", 8) == 0)
		return POSTGRES_STOPPING;
	if (strncmp(status, "ready", 5) != 0)
		return POSTGRES_STARTING;
	/* one that somebody started by hand with another socket is not for us */
	return strcmp(lines[SOCKET_LINE], pg->socket) == 0 ? POSTGRES_READY : POSTGRES_STOPPING;
}
