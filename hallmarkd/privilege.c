#include "hallmarkd/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void identity_of(struct arena *a, const struct passwd *pw, struct identity *out)
{
	*out = (struct identity){
		.uid = pw->pw_uid,
		.gid = pw->pw_gid,
		.name = arena_printf(a, "%s", pw->pw_name),
		.home = arena_printf(a, "%s", pw->pw_dir),
	};
}

static struct problem no_such_user(struct arena *a, const char *name)
{
	return problem(a, PROBLEM_INVALID,
		       "hallmarkd does not run as root, and there is no user %s it could become; "
		       "make one with: useradd --system --user-group --home-dir /var/lib/hallmark "
		       "--shell /usr/sbin/nologin %s, or name another with --user",
		       name, name);
}

struct problem identity_find(struct arena *a, const struct config *c, struct identity *out)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct stat st;

	if (geteuid() != 0) {
		*out = (struct identity){.uid = geteuid(), .gid = getegid(), .home = "/"};
		if (pw)
			identity_of(a, pw, out);
		return NO_PROBLEM;
	}
	pw = NULL;
	if (stat(c->state, &st) == 0 && st.st_uid != 0)
		pw = getpwuid(st.st_uid);
	if (!pw)
		pw = getpwnam(c->user);
	if (!pw)
		return no_such_user(a, c->user);
	if (pw->pw_uid == 0)
		return problem(a, PROBLEM_INVALID,
			       "hallmarkd does not run as root; name another user with --user");
	identity_of(a, pw, out);
	return NO_PROBLEM;
}

struct problem identity_become(struct arena *a, const struct identity *who)
{
	if (geteuid() != 0)
		return NO_PROBLEM;
	if (initgroups(who->name, who->gid) != 0 || setresgid(who->gid, who->gid, who->gid) != 0 ||
	    setresuid(who->uid, who->uid, who->uid) != 0)
		return problem(a, PROBLEM_INTERNAL, "cannot become user %s: %s", who->name,
			       strerror(errno));
	if (setuid(0) == 0) /* what was dropped must not come back */
		abort();
	setenv("HOME", who->home, 1);
	setenv("USER", who->name, 1);
	setenv("LOGNAME", who->name, 1);
	return NO_PROBLEM;
}
