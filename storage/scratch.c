#include "storage/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

/* Some file systems cannot make a file without a name: there it has one for a moment. */
int scratch_file(const char *folder, int *fd)
{
	char path[PATH_MAX];

	*fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return errno;
	if (snprintf(path, sizeof(path), "%s/transfer.XXXXXX", folder) >= (int)sizeof(path))
		return ENAMETOOLONG;
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd < 0)
		return errno;
	unlink(path);
	return 0;
}

bool scratch_has_room(const char *folder, int64_t size)
{
	struct statvfs v;

	if (size <= 0 || statvfs(folder, &v) != 0 || v.f_frsize == 0)
		return true;
	return (uint64_t)size / v.f_frsize < v.f_bavail;
}

struct problem scratch_fault(struct arena *a, const char *folder, int error)
{
	log_line(LOG_ERROR, "storage_failed", LOG_TEXT("what", "scratch"), LOG_TEXT("path", folder),
		 LOG_TEXT("why", strerror(error)));
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		return problem(a, PROBLEM_NO_SPACE,
			       "the service has no room for the bytes on their way");
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return problem(a, PROBLEM_BUSY, "too many transfers are under way at the moment");
	return problem(a, PROBLEM_INTERNAL, "the service cannot keep the bytes on their way: %s",
		       strerror(error));
}
