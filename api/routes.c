#include "api/health.h"
#include "api/route.h"
#include "api/v1/handlers.h"
#include "base/dsse.h"

#define PROJECT "/api/v1/projects/{project}"
#define MODEL   PROJECT "/models/{model}"
#define VERSION MODEL "/versions/{version}"
#define PAGED   "page_size", "page_token"

static const char *const json[] = {"application/json", NULL};
static const char *const text[] = {"text/plain", NULL};
static const char *const envelope[] = {DSSE_ENVELOPE, DSSE_BUNDLE, NULL};

/* Not looked at: the bytes are what was uploaded, and who asks whether we live is told. */
#define ANYTHING NULL

/* method, pattern, access, body, limit, query parameters, media types, handler(s) */
#define GET_AS(media, pattern, access, fn, ...)                                                    \
	{                                                                                          \
		METHOD_GET, pattern, access, BODY_NONE, 0, {__VA_ARGS__}, media, fn, NULL, NULL    \
	}
#define GET(pattern, access, fn, ...) GET_AS(json, pattern, access, fn, __VA_ARGS__)
#define JSON(method, pattern, access, fn)                                                          \
	{                                                                                          \
		METHOD_##method, pattern, access, BODY_JSON, 0, {NULL}, json, fn, NULL, NULL       \
	}
#define DELETE(pattern, access, fn)                                                                \
	{                                                                                          \
		METHOD_DELETE, pattern, access, BODY_NONE, 0, {NULL}, NULL, fn, NULL, NULL         \
	}

/* The most asked for come first. Literal segments come before {names} where both fit. */
const struct route routes[] = {
	GET(VERSION, ACCESS_READ, version_show, NULL),
	GET_AS(ANYTHING, VERSION "/artifacts/{path...}", ACCESS_READ, artifact_show, NULL),
	{METHOD_PUT,
	 VERSION "/artifacts/{path...}",
	 ACCESS_PUBLISH,
	 BODY_STREAM,
	 0,
	 {NULL},
	 json,
	 artifact_put,
	 artifact_put_begin,
	 artifact_put_piece},
	DELETE(VERSION "/artifacts/{path...}", ACCESS_PUBLISH, artifact_delete),
	GET(VERSION "/artifacts", ACCESS_READ, artifact_list, PAGED),
	GET_AS(text, VERSION "/signatures/{path...}", ACCESS_READ, signature_show, NULL),
	GET_AS(envelope, VERSION "/attestation", ACCESS_READ, attestation_show, NULL),
	GET(VERSION "/metrics", ACCESS_READ, metric_list, "view", "names", PAGED),
	JSON(POST, VERSION "/metrics", ACCESS_PUBLISH, metric_add),
	GET(VERSION "/lineage", ACCESS_READ, lineage_show, "direction", "depth"),
	JSON(POST, VERSION "/publish", ACCESS_PUBLISH, version_publish),
	JSON(POST, VERSION "/deprecate", ACCESS_PUBLISH, version_deprecate),
	JSON(POST, VERSION "/yank", ACCESS_PUBLISH, version_yank),
	JSON(PATCH, VERSION, ACCESS_PUBLISH, version_patch),
	DELETE(VERSION, ACCESS_PUBLISH, version_discard),
	GET(MODEL "/versions", ACCESS_READ, version_list, "q", "tag*", "state", "metric*",
	    "created_after", "created_before", "published_after", "published_before", "range",
	    "sort", PAGED),
	JSON(POST, MODEL "/versions", ACCESS_PUBLISH, version_create),
	GET(MODEL "/compare", ACCESS_READ, compare_show, "versions"),
	GET(MODEL "/metrics", ACCESS_READ, metric_series, "names", PAGED),
	GET(MODEL "/aliases", ACCESS_READ, alias_list, PAGED),
	GET(MODEL "/aliases/{alias}", ACCESS_READ, alias_show, NULL),
	JSON(PUT, MODEL "/aliases/{alias}", ACCESS_PUBLISH, alias_put),
	DELETE(MODEL "/aliases/{alias}", ACCESS_PUBLISH, alias_delete),
	GET(MODEL "/aliases/{alias}/history", ACCESS_READ, alias_history, PAGED),
	GET(MODEL, ACCESS_READ, model_show, NULL),
	JSON(PUT, MODEL, ACCESS_PUBLISH, model_put),
	JSON(PATCH, MODEL, ACCESS_PUBLISH, model_patch),
	DELETE(MODEL, ACCESS_ADMIN, model_delete),
	GET(PROJECT "/models", ACCESS_READ, model_list, "q", "tag*", "metric*", "created_after",
	    "created_before", "updated_after", "updated_before", "sort", PAGED),
	GET(PROJECT, ACCESS_READ, project_show, NULL),
	JSON(PUT, PROJECT, ACCESS_SYSTEM, project_put),
	GET("/api/v1/projects", ACCESS_TOKEN, project_list, PAGED),
	GET("/api/v1/events", ACCESS_SYSTEM, event_list, "kind", "model", "subject", "actor",
	    "after", "before", "sort", PAGED),
	GET(PROJECT "/events", ACCESS_READ, event_list, "kind", "model", "subject", "actor",
	    "after", "before", "sort", PAGED),
	GET("/api/v1/keys", ACCESS_OPEN, key_list, NULL),
	GET("/openapi.json", ACCESS_OPEN, openapi_show, NULL),
	GET("/problems", ACCESS_OPEN, problem_list, NULL),
	GET("/problems/{type}", ACCESS_OPEN, problem_show, NULL),
	GET_AS(ANYTHING, "/livez", ACCESS_OPEN, health_live, NULL),
	GET_AS(ANYTHING, "/health", ACCESS_OPEN, health_live, NULL),
	GET_AS(ANYTHING, "/readyz", ACCESS_OPEN, health_ready, NULL),
	GET_AS(ANYTHING, "/ready", ACCESS_OPEN, health_ready, NULL),
	GET_AS(text, "/metrics", ACCESS_TOKEN, metrics_show, NULL),
};
const int route_count = sizeof(routes) / sizeof(routes[0]);
