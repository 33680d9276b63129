/* handlers.h - what the route table calls: one file per resource in this folder. */
#ifndef HALLMARK_API_V1_HANDLERS_H
#define HALLMARK_API_V1_HANDLERS_H

#include "api/request.h"

/* projects.c */
request_fn project_list, project_show, project_put;
/* models.c */
request_fn model_list, model_show, model_put, model_patch, model_delete;
/* versions.c */
request_fn version_list, version_create, version_show, version_patch, version_discard;
request_fn version_deprecate, version_yank;
/* publish.c */
request_fn version_publish;
/* attestation.c */
request_fn attestation_show;
/* artifacts.c */
request_fn artifact_list, artifact_show, artifact_delete, signature_show;
/* upload.c */
request_fn artifact_put_begin, artifact_put;
size_t artifact_put_piece(struct request *rq, const char *data, size_t size);
/* metrics.c */
request_fn metric_list, metric_add, metric_series;
/* lineage.c */
request_fn lineage_show;
/* compare.c */
request_fn compare_show;
/* aliases.c */
request_fn alias_list, alias_show, alias_put, alias_delete, alias_history;
/* events.c */
request_fn event_list;
/* keys.c */
request_fn key_list;
/* about.c */
request_fn openapi_show, problem_show, problem_list;

#endif
