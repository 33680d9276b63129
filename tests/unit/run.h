/* run.h - other people's programs, for the tests that ask them for their verdict. */
#ifndef HALLMARK_TESTS_RUN_H
#define HALLMARK_TESTS_RUN_H

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs a program from PATH with nothing to read and nobody to talk to; its exit
 * status, 127 when there is no such program. */
static inline int run_program(const char *const argv[])
{
	posix_spawn_file_actions_t quiet;
	pid_t pid;
	int status = 0;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	int failed = posix_spawnp(&pid, argv[0], &quiet, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (failed || waitpid(pid, &status, 0) != pid)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define RUN(...) run_program((const char *const[]){__VA_ARGS__, NULL})

static inline bool write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");
	bool good = f && fwrite(data, 1, len, f) == len;

	return f && fclose(f) == 0 && good;
}

/* The file's bytes with a NUL behind, from malloc(); NULL when it cannot be read. */
static inline char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = f ? malloc(1 << 20) : NULL;

	*len = text ? fread(text, 1, (1 << 20) - 1, f) : 0;
	if (text)
		text[*len] = '\0';
	if (f)
		fclose(f);
	return text;
}

#endif
