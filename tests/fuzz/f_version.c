/* The bodies of models, versions and metrics: the first byte chooses which. What is read
 * becomes JSON that reads back, and a version is named or counted on, never both. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/json_in.h"
#include "base/utf8.h"
#include "registry/alias.h"
#include "registry/metric.h"
#include "registry/model.h"
#include "registry/project.h"
#include "registry/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(struct arena *a, const char *text)
{
	json_t *root = NULL;

	if (text && json_in(a, text, strlen(text), &root).code != PROBLEM_NONE)
		abort();
}

static struct problem fuzz_version(struct arena *a, const char *s, size_t len)
{
	struct version_draft d;

	TRY(version_draft_read(a, s, len, &d));
	if (!d.version == !d.bump || !d.version != !d.precedence.data)
		abort();
	check_json(a, d.params);
	check_json(a, d.tags);
	check_json(a, d.metrics);
	check_json(a, d.lineage);
	for (size_t i = 0; i < d.nparents; i++) {
		if (!d.parents[i].project || !d.parents[i].pointer)
			abort();
	}
	struct args args = args_new(a);
	version_draft_args(&args, &d);
	if (args.n != 9)
		abort();
	return NO_PROBLEM;
}

static struct problem fuzz_version_patch(struct arena *a, const char *s, size_t len)
{
	struct version_patch d;

	TRY(version_patch_read(a, s, len, &d));
	check_json(a, d.params);
	check_json(a, d.tags);
	return NO_PROBLEM;
}

static struct problem fuzz_model(struct arena *a, const char *s, size_t len)
{
	struct model_draft d;

	TRY(model_draft_read(a, s, len, &d));
	check_json(a, d.tags);
	return NO_PROBLEM;
}

static struct problem fuzz_model_patch(struct arena *a, const char *s, size_t len)
{
	struct model_patch d;

	TRY(model_patch_read(a, s, len, &d));
	check_json(a, d.tags);
	return NO_PROBLEM;
}

static struct problem fuzz_metrics(struct arena *a, const char *s, size_t len)
{
	struct metric_list_draft d;

	TRY(metric_list_draft_read(a, s, len, &d));
	if (d.n == 0)
		abort();
	check_json(a, d.json);
	return NO_PROBLEM;
}

static struct problem fuzz_small(struct arena *a, const char *s, size_t len)
{
	struct reason_draft reason;
	struct alias_draft alias;
	struct project_draft project;

	if (reason_draft_read(a, s, len, &reason).code == PROBLEM_NONE && !*reason.reason)
		abort();
	if (alias_draft_read(a, s, len, &alias).code == PROBLEM_NONE && !alias.version)
		abort();
	return project_draft_read(a, s, len, &project);
}

static struct problem (*const readers[])(struct arena *, const char *, size_t) = {
	fuzz_version, fuzz_version_patch, fuzz_model, fuzz_model_patch, fuzz_metrics, fuzz_small,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 8192)
		return 0;
	struct arena *a = arena_new(16 << 20);
	const struct problem p = readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](
		a, (const char *)data + 1, size - 1);

	for (const struct problem_error *e = p.errors; e; e = e->next) {
		if (!utf8_valid(e->detail, strlen(e->detail)))
			abort();
	}
	arena_free(a);
	return 0;
}
