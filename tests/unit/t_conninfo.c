/* t_conninfo.c - connection strings: one host, several, and what each kind of lane asks of them. */
#include "sql/conninfo.h"

#include <string.h>

#include "tap.h"

static struct arena *arena;

static struct conninfo read_good(const char *text, enum lane_kind kind)
{
	struct conninfo info = {0};
	const struct problem p = conninfo_read(arena, text, kind, &info);

	ok(p.code == PROBLEM_NONE, "%s is read", text);
	return info;
}

/* The last of several counts, as with libpq. */
static const char *value(const struct conninfo *info, int host, const char *keyword)
{
	const char *found = NULL;

	for (int i = 0; info->keywords[i]; i++)
		if (strcmp(info->keywords[i], keyword) == 0)
			found = info->values[host][i];
	return found;
}

static void test_one_host(void)
{
	const struct conninfo info = read_good("host=a port=1 user=u", LANE_READ);

	is_int(info.hosts, 1, "one host");
	is_str(value(&info, 0, "host"), "a", "is the one named");
	is_str(value(&info, 0, "port"), "1", "with its port");
	is_str(value(&info, 0, "user"), "u", "and whatever else was said");
	is_int(read_good("dbname=x", LANE_READ).hosts, 1, "none named is one, too");
}

static void test_several_hosts(void)
{
	const char *const forms[] = {"host=a,b,c port=1,2,3 user=u",
				     "postgresql://u@a:1,b:2,c:3/x?application_name=y"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct conninfo info = read_good(forms[i], LANE_WRITE);

		is_int(info.hosts, 3, "three hosts");
		is_str(value(&info, 0, "host"), "a", "the first");
		is_str(value(&info, 2, "host"), "c", "the last");
		is_str(value(&info, 1, "port"), "2", "each with its port");
		is_str(value(&info, 1, "user"), "u", "and what holds for all");
	}
	const struct conninfo same = read_good("host=a,b port=7", LANE_WRITE);
	is_str(value(&same, 1, "port"), "7", "one port is that of all");
	const struct conninfo address =
		read_good("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=7", LANE_WRITE);
	is_str(value(&address, 1, "hostaddr"), "10.0.0.2", "addresses go with their names");
	is_str(value(&address, 1, "host"), "b", "and names with their addresses");
}

static void test_lists_that_differ(void)
{
	struct conninfo info;
	struct problem p = conninfo_read(arena, "host=a,b,c port=1,2", LANE_READ, &info);

	ok(p.code == PROBLEM_INVALID, "three hosts and two ports are refused");
	is_str(p.detail, "the connection string names 3 hosts, and 2 in port", "and told");
}

static void test_which_server(void)
{
	const struct conninfo changes = read_good("host=a,b", LANE_WRITE);
	const struct conninfo reads =
		read_good("host=a,b target_session_attrs=read-write", LANE_SLOW);
	const struct conninfo any = read_good("host=a,b target_session_attrs=any", LANE_WRITE);
	const struct conninfo elsewhere = read_good("service=s", LANE_READ);

	ok(changes.primary && changes.changes, "changes want a primary that takes them");
	is_str(value(&changes, 0, "target_session_attrs"), "any", "which the lane sees for itself");
	ok(reads.primary && !reads.changes, "reads want a primary, also a read-only one");
	ok(!any.primary && !any.changes, "what the operator wants instead is done");
	is_str(value(&any, 1, "target_session_attrs"), "any", "as it was said");
	is_str(value(&elsewhere, 0, "target_session_attrs"), "primary",
	       "hosts that are not in the string are libpq's to choose from");
	is_str(conninfo_preset_attributes("host=a,b"), "primary", "commands want one of several");
	is_str(conninfo_preset_attributes("host=a"), "any", "and take the only one");
	is_str(conninfo_preset_attributes("host='"), "any", "whatever is written");
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_one_host();
	test_several_hosts();
	test_lists_that_differ();
	test_which_server();
	arena_free(arena);
	return tap_done();
}
