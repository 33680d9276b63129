/* page.h - pages of lists: how many, after what, and the token that says so.
 *
 * A token is opaque: base64url of an expiry, the JSON array of the last row's
 * sort key, and a MAC (BLAKE2b with a key of its own, all replicas share it)
 * over both and over the list it belongs to: path, filters and order. A token
 * that was changed, is older than a day, or is used on another list is refused.
 */
#ifndef HALLMARK_API_PAGE_H
#define HALLMARK_API_PAGE_H

#include "api/request.h"
#include "registry/query.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500 };

struct page {
	int size;      /* rows wanted; ask the database for one more */
	json_t *after; /* the key of the last row of the page before, NULL on the first */
};

/* From page_size and page_token. */
struct problem page_read(struct request *rq, struct page *out) MUST_CHECK;

/* The statement of a list with filters (registry/query.h), from the request's query
 * parameters; rq->args holds the arguments of its where, the others are appended. */
struct problem page_query(struct request *rq, const struct query_list *list,
			  const struct page *page, const struct statement **out) MUST_CHECK;

/* A part of the key that the page begins after; first on the first page. */
const char *page_after_text(const struct page *p, size_t i, const char *first);
int64_t page_after_int(const struct page *p, size_t i, int64_t first);

/* A list's document is {"items": […], "next_page_token": …}: page_open(), the items,
 * and page_close(), which replies. key is the JSON array of the last row's sort key;
 * it counts when there is more. */
void page_open(struct json_out *j);
void page_close(struct request *rq, struct json_out *j, bool more, const char *key);

#endif
