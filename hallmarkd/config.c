#include "hallmarkd/config.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/store.h"

#define AT(member) offsetof(struct config, member)
#define KIB        (1LL << 10)
#define MIB        (1LL << 20)
#define TIB        (1LL << 40)
#define SECOND     1000000LL

static const char *const log_levels[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
	NULL,
};

static const char *const store_drivers[] = {
	[STORE_AUTO] = "auto",
	[STORE_LIBS3] = "libs3",
	NULL,
};

/* clang-format off */
static const struct setting rows[] = {
	{.name = "config", .type = SETTING_PATH, .only = SETTING_ENVIRONMENT, .offset = AT(config),
	 .help = "a file of settings, lines of `name = value`"},
	{.name = "listen", .type = SETTING_TEXT, .offset = AT(listen), .preset = "127.0.0.1:8080", .meta = "HOST:PORT",
	 .help = "address and port to serve on"},
	{.name = "probes", .type = SETTING_TEXT, .offset = AT(probes), .meta = "HOST:PORT",
	 .help = "a second address that answers /livez, /readyz and /metrics alone, on a thread of its own and without a token; none when not set"},
	{.name = "database_url", .env = "DATABASE_URL", .type = SETTING_TEXT, .secrecy = SETTING_CONNECTION,
	 .offset = AT(database_url), .meta = "URL",
	 .help = "PostgreSQL to use; without it hallmarkd runs one of its own under the state folder"},
	{.name = "storage_path", .env = "STORAGE_PATH", .type = SETTING_PATH, .offset = AT(storage_path),
	 .help = "folder or bucket for the artifacts' bytes; STATE/artifacts when not set"},
	{.name = "storage_driver", .type = SETTING_WORD, .offset = AT(storage_driver), .preset = "auto", .words = store_drivers,
	 .help = "what speaks to the store; a bucket of an object store (s3://…) needs libs3"},
	{.name = "transfers", .type = SETTING_PATH, .offset = AT(transfers), .meta = "FOLDER",
	 .help = "folder on a local disk for bytes on their way to and from a bucket; STATE/transfers when not set"},
	{.name = "s3_access_key", .env = "AWS_ACCESS_KEY_ID", .type = SETTING_TEXT, .offset = AT(s3_access_key),
	 .help = "who hallmarkd is to the object store"},
	{.name = "s3_secret_key", .env = "AWS_SECRET_ACCESS_KEY", .type = SETTING_TEXT, .secrecy = SETTING_SECRET, .offset = AT(s3_secret_key),
	 .help = "the secret that goes with it"},
	{.name = "state", .type = SETTING_PATH, .offset = AT(state), .meta = "FOLDER",
	 .help = "hallmarkd's own folder; ./var when not set, or /var/lib/hallmark"},
	{.name = "keys", .type = SETTING_PATH, .offset = AT(keys), .meta = "FOLDER",
	 .help = "folder of the signing keys, which only the signer reads; STATE/keys when not set"},
	{.name = "secret_file", .type = SETTING_PATH, .offset = AT(secret_file), .meta = "FILE",
	 .help = "32 random bytes that all replicas share, for tokens and pages; STATE/secret when not set"},
	{.name = "user", .type = SETTING_TEXT, .offset = AT(user), .preset = "hallmark", .meta = "NAME",
	 .help = "whom hallmarkd becomes when root starts it"},
	{.name = "postgres_bin", .type = SETTING_PATH, .offset = AT(postgres_bin), .meta = "FOLDER",
	 .help = "folder of PostgreSQL's programs for the embedded database; searched for when not set"},
	{.name = "allowed_hosts", .type = SETTING_TEXT, .offset = AT(allowed_hosts), .meta = "HOST,…",
	 .help = "host names that requests may carry, separated by commas; any when not set"},
	{.name = "loops", .type = SETTING_INT, .offset = AT(loops), .preset = "0", .min = 0, .max = 64,
	 .help = "event loops; 0 is half of the processor's cores"},
	{.name = "write_lanes", .type = SETTING_INT, .offset = AT(write_lanes), .preset = "15", .min = 1, .max = 256,
	 .help = "database connections for changes, of all loops together"},
	{.name = "slow_lanes", .type = SETTING_INT, .offset = AT(slow_lanes), .preset = "2", .min = 1, .max = 64,
	 .help = "database connections for lists and searches, of all loops together"},
	{.name = "storage_threads", .type = SETTING_INT, .offset = AT(storage_threads), .preset = "16", .min = 1, .max = 256,
	 .help = "threads that read, write and hash artifacts"},
	{.name = "connections", .type = SETTING_INT, .offset = AT(connections), .preset = "4096", .min = 16, .max = 65536,
	 .help = "open HTTP connections at most"},
	{.name = "max_upload", .type = SETTING_SIZE, .offset = AT(max_upload), .preset = "1TiB", .min = 1, .max = 64 * TIB,
	 .help = "size of an artifact at most"},
	{.name = "max_body", .type = SETTING_SIZE, .offset = AT(max_body), .preset = "4MiB", .min = 64 * KIB, .max = 64 * MIB,
	 .help = "size of any other request body at most"},
	{.name = "request_memory", .type = SETTING_SIZE, .offset = AT(request_memory), .preset = "64MiB", .min = MIB, .max = 1024 * MIB,
	 .help = "memory that one request may take"},
	{.name = "publish_reread", .type = SETTING_SIZE, .offset = AT(publish_reread), .preset = "1GiB", .min = 0, .max = 64 * TIB,
	 .help = "artifacts up to this size in all are read and hashed again when their version is published"},
	{.name = "drain_delay", .type = SETTING_SECONDS, .offset = AT(drain_delay), .preset = "0s", .min = 0, .max = 600 * SECOND,
	 .help = "how long a stopping hallmarkd still takes new requests while /ready says 503"},
	{.name = "drain_limit", .type = SETTING_SECONDS, .offset = AT(drain_limit), .preset = "30s", .min = SECOND, .max = 86400 * SECOND,
	 .help = "how long running requests may then take to end"},
	{.name = "log_level", .type = SETTING_WORD, .offset = AT(log_level), .preset = "info", .words = log_levels,
	 .help = "what is logged"},
	/* What the supervisor tells its children. */
	{.name = "embedded", .type = SETTING_BOOL, .only = SETTING_PRESET, .offset = AT(embedded), .preset = "false"},
};
/* clang-format on */

/* Variables with our prefix that other programs read, and those that Kubernetes puts
 * into every pod beside a Service whose name starts with "hallmark". */
static const char *const foreign[] = {
	"HALLMARK_URL",        "HALLMARK_TOKEN",         "HALLMARK_TOKEN_FILE",
	"HALLMARK_DEBUG",      "HALLMARK_TEST_*",        "HALLMARK_FLAVOUR",
	"HALLMARK_PROMOTER_*", "HALLMARK_*SERVICE_HOST", "HALLMARK_*SERVICE_PORT*",
	"HALLMARK_*PORT",      "HALLMARK_*PORT_*_TCP*",  NULL,
};

const struct setting_table config_table = {
	.rows = rows,
	.n = sizeof(rows) / sizeof(*rows),
	.prefix = "HALLMARK_",
	.foreign = foreign,
};

struct settings *config_new(struct arena *a, struct config *out)
{
	*out = (struct config){0};
	return settings_new(a, &config_table, out);
}

/* May that user pass through every folder down to the one we stand in? */
static bool user_reaches_cwd(uid_t uid, gid_t gid)
{
	char path[4096];
	struct stat st;

	if (!getcwd(path, sizeof(path)))
		return false;
	for (char *slash = path + 1; slash; slash = strchr(slash + 1, '/')) {
		char kept = *slash;

		*slash = '\0';
		if (stat(path, &st) != 0)
			return false;
		*slash = kept;
		mode_t bit = st.st_uid == uid ? 0100 : st.st_gid == gid ? 0010 : 0001;
		if (!(st.st_mode & bit))
			return false;
	}
	return true;
}

/* ./var belongs to a checkout, never to the root of the system. */
static const char *state_preset(const struct config *c)
{
	char path[4096];

	if (!getcwd(path, sizeof(path)) || strcmp(path, "/") == 0)
		return "/var/lib/hallmark";
	if (geteuid() != 0)
		return "./var";
	errno = 0;
	const struct passwd *pw = getpwnam(c->user);
	if (!pw && errno == ENOMEM) /* who is not known may be given another folder */
		log_out_of_memory("the user's entry");
	bool reaches = !pw || user_reaches_cwd(pw->pw_uid, pw->pw_gid);
	return reaches ? "./var" : "/var/lib/hallmark";
}

/* PostgreSQL wants the other half of the cores. */
static long loops_preset(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 4)
		return 1;
	return cores > 128 ? 64 : cores / 2;
}

static void work_out_presets(struct arena *a, struct settings *s, struct config *c)
{
	settings_preset(s, "state", "%s", state_preset(c));
	settings_preset(s, "storage_path", "%s/artifacts", c->state);
	settings_preset(s, "transfers", "%s/transfers", c->state);
	settings_preset(s, "keys", "%s/keys", c->state);
	settings_preset(s, "secret_file", "%s/secret", c->state);
	if (c->loops == 0)
		settings_replace(s, "loops", arena_printf(a, "%ld", loops_preset()));
	settings_replace(s, "embedded", c->database_url ? "false" : "true");
}

struct problem config_settle(struct arena *a, struct settings *s, struct config *c)
{
	TRY(settings_read_environment(s, (const char *const *)environ));
	if (c->config)
		TRY(settings_read_file(s, c->config));
	work_out_presets(a, s, c);
	return NO_PROBLEM;
}

struct problem config_inherit(struct arena *a, struct settings *s, int fd)
{
	enum { ENOUGH = 64 * 1024 };
	char *text = arena_bytes(a, ENOUGH);
	ssize_t len = pread(fd, text, ENOUGH, 0);

	if (len <= 0 || len == ENOUGH)
		return problem(a, PROBLEM_INTERNAL, "the settings of the parent cannot be read");
	return settings_read_text(s, "the parent's settings", text, (size_t)len);
}
