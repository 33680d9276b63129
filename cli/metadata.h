/* metadata.h - what the options of push say about a version, as the API takes it.
 *
 * Each adds to a JSON array or object that the caller owns. CLI_USAGE says how
 * the option is written.
 */
#ifndef HALLMARK_CLI_METADATA_H
#define HALLMARK_CLI_METADATA_H

#include <jansson.h>

#include "base/problem.h"

/* "accuracy=0.92,dataset=val,step=3,slice=en,at=2026-01-13T22:03:16Z" */
MUST_CHECK struct problem metadata_metric(struct arena *a, const char *text, json_t *metrics);
/* "epochs=3", "lr=1e-4", "layers=[1,2]", "optimizer=adamw": JSON when it is, else text */
MUST_CHECK struct problem metadata_param(struct arena *a, const char *text, json_t *params);
/* "task=embedding" */
MUST_CHECK struct problem metadata_tag(struct arena *a, const char *text, json_t *tags);

/* Edges of the lineage: "s3://data/stsb?sha256=…", "registry.example/train@sha256:…",
 * "https://runs.example/7", "fine_tune:default/base@1.0.0". */
MUST_CHECK struct problem metadata_dataset(struct arena *a, const char *text, json_t *lineage);
MUST_CHECK struct problem metadata_image(struct arena *a, const char *text, json_t *lineage);
MUST_CHECK struct problem metadata_run(struct arena *a, const char *text, json_t *lineage);
MUST_CHECK struct problem metadata_parent(struct arena *a, const char *text, json_t *lineage);
MUST_CHECK struct problem metadata_code(struct arena *a, const char *commit, const char *repo,
					json_t *lineage);

#endif
