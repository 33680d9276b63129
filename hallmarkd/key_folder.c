#include "hallmarkd/key_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"

enum { FILE_MAX = 1024 }; /* a key file has about 260 bytes */

static struct problem cannot(struct arena *a, const char *what, const char *path)
{
	return problem(a, errno == EEXIST ? PROBLEM_CONFLICT : PROBLEM_INTERNAL,
		       "%s cannot be %s: %s", path, what, strerror(errno));
}

static struct problem out_of_memory(struct arena *a)
{
	return problem(a, PROBLEM_INTERNAL,
		       "no guarded memory for the signing keys: %s (ulimit -l says how much may be "
		       "locked)",
		       strerror(errno));
}

/* What a key passes through while it is made or read. */
struct passage {
	struct minisign_secret secret;
	char text[FILE_MAX];
};

struct problem key_create(struct arena *a, const char *dir, struct minisign_public *out)
{
	char id[MINISIGN_ID_TEXT];

	TRY(durable_folder(a, dir, 0700));
	struct passage *p = sodium_malloc(sizeof(*p));
	if (!p)
		return out_of_memory(a);
	minisign_secret_new(&p->secret);
	minisign_public_of(&p->secret, out);
	minisign_secret_file(&p->secret, p->text);
	minisign_id_text(out->id, id);
	const char *path = arena_printf(a, "%s/%s.key", dir, id);
	struct problem bad = durable_create(a, path, p->text, strlen(p->text));
	sodium_free(p); /* wipes it */
	return bad;
}

static struct problem check_file(struct arena *a, const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cannot(a, "read", path);
	mode_t open_to = st.st_uid == geteuid() ? 0077 : 0027;
	if (!S_ISREG(st.st_mode))
		return problem(a, PROBLEM_INVALID, "%s is not a file", path);
	if (st.st_mode & open_to)
		return problem(a, PROBLEM_INVALID,
			       "%s is open to others (mode %04o): a signing key belongs to one "
			       "user alone, chmod 600 makes it so",
			       path, (unsigned)st.st_mode & 07777);
	return NO_PROBLEM;
}

static struct problem read_text(struct arena *a, const char *path, char text[FILE_MAX], size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return cannot(a, "read", path);
	struct problem p = check_file(a, path, fd);
	ssize_t n = p.code == PROBLEM_NONE ? read(fd, text, FILE_MAX) : 0;
	if (n < 0)
		p = cannot(a, "read", path);
	close(fd);
	*len = n < 0 ? 0 : (size_t)n;
	return p;
}

static struct problem read_key(struct arena *a, const char *path, struct passage *passage,
			       struct key_folder *folder)
{
	size_t len = 0;

	TRY(read_text(a, path, passage->text, &len));
	TRY(durable_file(a, path)); /* before anything is signed that needs it */
	struct problem p = minisign_secret_read(a, passage->text, len, &passage->secret);
	if (p.code != PROBLEM_NONE)
		return problem(a, p.code, "%s: %s", path, p.detail);
	if (key_folder_find(folder, passage->secret.id))
		return problem(a, PROBLEM_CONFLICT, "%s holds a key that another file holds too",
			       path);
	if (folder->n == KEY_FOLDER_MAX)
		return problem(a, PROBLEM_INVALID, "%s is one key too many: %d is the most", path,
			       KEY_FOLDER_MAX);
	struct signing_key *key = &folder->keys[folder->n++];
	key->secret = passage->secret;
	minisign_public_of(&key->secret, &key->public);
	return NO_PROBLEM;
}

static bool is_key_file(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > 4 && strcmp(name + len - 4, ".key") == 0;
}

static struct problem read_all(struct arena *a, const char *dir, DIR *d, struct passage *passage,
			       struct key_folder *folder)
{
	const struct dirent *e;

	while ((e = readdir(d)))
		if (is_key_file(e->d_name))
			TRY(read_key(a, arena_printf(a, "%s/%s", dir, e->d_name), passage, folder));
	if (folder->n == 0)
		return problem(a, PROBLEM_NOT_FOUND,
			       "there is no signing key in %s: `hallmarkd keys add` makes one",
			       dir);
	return NO_PROBLEM;
}

struct problem key_folder_read(struct arena *a, const char *dir, struct key_folder *out)
{
	DIR *d = opendir(dir);

	*out = (struct key_folder){0};
	if (!d)
		return cannot(a, "read", dir);
	struct passage *passage = sodium_malloc(sizeof(*passage));
	out->keys = sodium_allocarray(KEY_FOLDER_MAX, sizeof(*out->keys));
	struct problem p =
		passage && out->keys ? read_all(a, dir, d, passage, out) : out_of_memory(a);
	sodium_free(passage);
	closedir(d);
	if (p.code == PROBLEM_NONE && out->keys)
		sodium_mprotect_readonly(out->keys);
	else
		key_folder_close(out);
	return p;
}

void key_folder_close(struct key_folder *folder)
{
	sodium_free(folder->keys);
	*folder = (struct key_folder){0};
}

const struct signing_key *key_folder_find(const struct key_folder *folder,
					  const unsigned char id[MINISIGN_ID_BYTES])
{
	for (int i = 0; i < folder->n; i++)
		if (memcmp(folder->keys[i].public.id, id, MINISIGN_ID_BYTES) == 0)
			return &folder->keys[i];
	return NULL;
}
