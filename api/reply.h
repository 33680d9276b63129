/* reply.h - answers: documents, problems, files, and the headers they share. */
#ifndef HALLMARK_API_REPLY_H
#define HALLMARK_API_REPLY_H

#include "api/request.h"

/* Headers of the reply that is about to be made; value lives in the arena. */
void reply_header(struct request *rq, const char *name, const char *value);
void reply_etag(struct request *rq, const char *tag); /* what stands between the quotes */
const char *reply_version_tag(struct request *rq, int64_t row_version);
/* For GET: sets the ETag, and replies (true) 412 when If-Match does not name it, 304 when
 * If-None-Match does. */
bool reply_not_modified(struct request *rq, const char *tag);

void reply_json(struct request *rq, unsigned status, struct json_out *j);
void reply_empty(struct request *rq, unsigned status); /* 204, 304, 308 … */
/* text lives in the arena or for ever. */
void reply_text(struct request *rq, unsigned status, const char *type, const char *text,
		size_t len);
/* What a GET would be answered with, for HEAD: len is announced and no byte sent. */
void reply_head(struct request *rq, unsigned status, int64_t len);
/* Takes fd over. */
void reply_fd(struct request *rq, unsigned status, int fd, int64_t offset, int64_t len);

void reply_problem(struct request *rq, struct problem p);
/* True when there was a problem, and it is the reply now. */
bool reply_failed(struct request *rq, struct problem p);

/* The 500 for a handler that neither replied nor submitted anything. */
void reply_forgotten(struct request *rq);

/* The 503 that needs no memory. After a change was made it does not say that nothing was. */
void reply_full(struct request *rq);

/* What a loop keeps ready for it. */
bool reply_prepare(struct loop *loop); /* false: out of memory */
void reply_prepared_end(struct loop *loop);

#endif
