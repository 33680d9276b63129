/* http_answer.h - what the answer to a call says.
 */
#ifndef HALLMARK_BASE_HTTP_ANSWER_H
#define HALLMARK_BASE_HTTP_ANSWER_H

#include "base/http.h"

bool http_success(long status);                                            /* 2xx */
const char *http_received(const struct http_call *call, const char *name); /* or NULL */

/* NO_PROBLEM for a 2xx answer, else the problem it describes: RFC 9457 when it
 * does (type gives the code, errors are kept), else what the status says. */
MUST_CHECK struct problem http_accept(struct arena *a, const struct http_call *call);

#endif
