/* metric.h - measured values of a version: rows, documents, drafts.
 *
 * A series is a name with, if there are any, a dataset and a slice of it; absent
 * ones are '' in the database and left out of documents. A series' current value
 * is the one with the highest step, time, arrival.
 */
#ifndef HALLMARK_REGISTRY_METRIC_H
#define HALLMARK_REGISTRY_METRIC_H

#include "base/draft.h"
#include "base/json_out.h"
#include "sql/row.h"

enum { METRICS_MAX = 10000 }; /* in one body */

struct metric {
	const char *name, *dataset, *slice;
	double value;
	int64_t step;
	bool has_step;
	int64_t at;
	/* Only of single points, else 0 and NULL. */
	int64_t arrival, created_at;
	const char *created_by;
};

/* Reads the columns by their names; those of a single point where "arrival" is one. */
struct problem metric_read(struct arena *a, const PGresult *res, int row,
			   struct metric *out) MUST_CHECK;

/* {"name", "value", "dataset", "slice", "step", "at", "created_at", "created_by"} */
void metric_write(struct json_out *j, const struct metric *m);

/* POST {"metrics": [{"name", "value", "dataset", "step", "slice", "at"}]}, at least one. */
struct metric_list_draft {
	const char *json; /* the array, as statements take it */
	size_t n;
};
struct problem metric_list_draft_read(struct arena *a, const char *body, size_t len,
				      struct metric_list_draft *out) MUST_CHECK;

/* One of them inside other bodies: an item of DRAFT_LIST, and the list as statements take it. */
extern const struct draft_shape metric_shape;
const char *metrics_text(struct arena *a, const struct draft_list *metrics); /* NULL: empty */

#endif
