/* s3_server.h - a real S3 server (moto) for the tests, in a process of its own. */
#ifndef HALLMARK_TESTS_S3_SERVER_H
#define HALLMARK_TESTS_S3_SERVER_H

#include <sys/types.h>

struct s3_server {
	pid_t pid;
	int port;
};

/* Starts it and makes an empty bucket. False when moto is not installed (tools/setup.sh
 * test installs it) or does not come up. It dies with the thread that called. */
_Bool s3_server_start(struct s3_server *s, const char *bucket);
void s3_server_stop(struct s3_server *s);
/* PUTs an object of a few bytes, past every driver. False when that failed. */
_Bool s3_server_put(const struct s3_server *s, const char *path, const char *body);

#endif
