#include "registry/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"

enum { HEX = 2 * SECRET_BYTES };

_Static_assert(SECRET_BYTES == crypto_kdf_KEYBYTES, "the key crypto_kdf draws from");

static bool too_open(const struct stat *st)
{
	if (st->st_mode & 0007)
		return true;
	return st->st_uid == geteuid() ? (st->st_mode & 0070) != 0 : (st->st_mode & 0020) != 0;
}

/* What is in the file, at most size bytes; -1 with errno set. */
static ssize_t read_private(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -1;
	ssize_t n = -1;
	if (fstat(fd, &st) == 0 && too_open(&st))
		errno = EPERM;
	else
		n = read(fd, buf, size);
	int saved = errno;
	close(fd);
	errno = saved;
	return n;
}

static bool decode(const char *text, size_t len, struct secret *out)
{
	size_t n;

	if (len == SECRET_BYTES) {
		memcpy(out->bytes, text, SECRET_BYTES);
		return true;
	}
	if (len == HEX + 1 && text[HEX] == '\n')
		len--;
	return len == HEX &&
	       sodium_hex2bin(out->bytes, SECRET_BYTES, text, HEX, NULL, &n, NULL) == 0 &&
	       n == SECRET_BYTES;
}

struct problem secret_read(struct arena *a, const char *path, struct secret *out)
{
	char text[HEX + 2];
	ssize_t len = read_private(path, text, sizeof(text));

	if (len < 0 && errno == EPERM)
		return problem(a, PROBLEM_INVALID,
			       "%s can be read by others; make it private with: chmod 600 %s", path,
			       path);
	if (len < 0)
		return problem(a, errno == ENOENT ? PROBLEM_NOT_FOUND : PROBLEM_INVALID,
			       "%s cannot be read: %s", path, strerror(errno));
	bool good = decode(text, (size_t)len, out);
	sodium_memzero(text, sizeof(text));
	if (!good)
		return problem(a, PROBLEM_INVALID,
			       "%s holds no secret: want 64 hexadecimal digits, or 32 raw bytes",
			       path);
	return NO_PROBLEM;
}

struct problem secret_create(struct arena *a, const char *path)
{
	unsigned char bytes[SECRET_BYTES];
	char text[HEX + 2];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(text, HEX + 1, bytes, sizeof(bytes));
	memcpy(text + HEX, "\n", 2);
	struct problem p = durable_create(a, path, text, HEX + 1);
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(text, sizeof(text));
	return p;
}

void secret_subkey(const struct secret *s, enum secret_use use, unsigned char out[SECRET_SUBKEY])
{
	crypto_kdf_derive_from_key(out, SECRET_SUBKEY, (uint64_t)use, "hallmark", s->bytes);
}
