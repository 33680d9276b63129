/* folder.h - what lies in a folder: every entry with its path below it, sorted. */
#ifndef HALLMARK_CLI_FOLDER_H
#define HALLMARK_CLI_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"
#include "cli/command.h"

enum entry_kind { ENTRY_FILE, ENTRY_LINK, ENTRY_OTHER };

struct entry {
	const char *path; /* "onnx/model.onnx" */
	enum entry_kind kind;
	int64_t size;
};

struct folder {
	struct entry *entries;
	size_t count;
	size_t skipped; /* hidden ones that were left out */
};

struct folder_rules {
	bool hidden;                 /* names that begin with a dot, too */
	bool all;                    /* those and .git */
	const struct texts *exclude; /* patterns of fnmatch(3) over path or name; or NULL */
};

/* What lies in .hallmark at the top is never listed, what lies in a .git only with
 * all. Links are listed, not followed. */
MUST_CHECK struct problem folder_list(struct arena *a, int root, const struct folder_rules *rules,
				      struct folder *out);

/* NULL when there is none; binary search. */
const struct entry *folder_find(const struct folder *f, const char *path);

#endif
