#include "hallmarkd/announce.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The command line program that was built beside us, unless the PATH has one. */
static const char *client(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size - 1);

	buf[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(buf, '/');
	if (!slash)
		return "hallmark";
	*slash = '\0';
	const char *path = getenv("PATH"), *found = path ? strstr(path, buf) : NULL;
	size_t folder = strlen(buf);
	if (found && (found[folder] == ':' || !found[folder]))
		return "hallmark";
	snprintf(buf + folder, size - folder, "/hallmark");
	return access(buf, X_OK) == 0 ? buf : "hallmark";
}

/* A wildcard address is no place to go to. */
static void url_of(const char *listen, char *buf, size_t size)
{
	static const char *const wildcards[] = {"0.0.0.0:", "[::]:", "*:"};

	for (size_t i = 0; i < sizeof(wildcards) / sizeof(*wildcards); i++) {
		size_t len = strlen(wildcards[i]);

		if (strncmp(listen, wildcards[i], len) == 0) {
			snprintf(buf, size, "http://127.0.0.1:%s", listen + len);
			return;
		}
	}
	snprintf(buf, size, "http://%s%s", *listen == ':' ? "127.0.0.1" : "", listen);
}

void announce(const struct config *c, const char *key_id)
{
	char url[300], program[PATH_MAX];

	url_of(c->listen, url, sizeof(url));
	printf("Serving at      %s\n", url);
	printf("Admin token in  %s/admin.token\n", c->state);
	printf("Signing key     %s\n", *key_id ? key_id : "none yet");
	printf("Try next        HALLMARK_URL=%s HALLMARK_TOKEN_FILE=%s/admin.token %s list\n", url,
	       c->state, client(program, sizeof(program)));
	fflush(stdout);
}
