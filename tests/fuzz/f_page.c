/* Page tokens: what nobody sealed is refused, and so is what we sealed once any character of it
 * is another; what we seal over any key comes back as that key. The first byte says which; then a
 * request target, or the JSON of a key. */
#include <microhttpd.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/loop.h"
#include "api/page.h"
#include "base/json_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[32] = "a key that no installation has";
static struct service service = {.options.page_key = key};
static struct loop loop = {.service = &service};

static void must(bool good)
{
	if (!good)
		abort();
}

static void made_up(struct arena *a, const char *raw)
{
	struct request rq = {.arena = a, .loop = &loop};
	struct page page;

	if (target_read(a, raw, &rq.target).code != PROBLEM_NONE)
		return;
	if (page_read(&rq, &page).code == PROBLEM_NONE)
		must(page.size >= 1 && page.size <= PAGE_MAX && !page.after);
}

static const char *link_of(const struct request *rq)
{
	for (int i = 0; i < rq->nheaders; i++)
		if (strcmp(rq->headers[i].name, "Link") == 0)
			return rq->headers[i].value;
	abort();
}

/* The last character has bits that count for nothing. */
static void changed(struct arena *a, const struct request *rq, const char *next, size_t at)
{
	struct request other = *rq;
	struct page page;
	char *link = arena_dup(a, next, strlen(next));
	char *token = strstr(link, "page_token=");

	must(token != NULL);
	token += strlen("page_token=");
	token += at % (strcspn(token, "&") - 1);
	*token = *token == 'A' ? 'B' : 'A';
	must(target_read(a, link, &other.target).code == PROBLEM_NONE);
	must(page_read(&other, &page).code != PROBLEM_NONE);
}

static void sealed(struct arena *a, const char *row)
{
	struct request rq = {.arena = a, .loop = &loop}, next = rq;
	struct json_out j = json_out_new(a);
	struct page page;
	json_t *want;

	if (strlen(row) > 2000 || json_in(a, row, strlen(row), &want).code != PROBLEM_NONE)
		return;
	must(target_read(a, "/l?tag=a%26b&page_size=2", &rq.target).code == PROBLEM_NONE);
	page_open(&j);
	page_close(&rq, &j, true, row);
	MHD_destroy_response(rq.response);
	const char *link = link_of(&rq) + 1;
	link = arena_dup(a, link, strcspn(link, ">"));
	changed(a, &next, link, strlen(row) * 7);
	must(target_read(a, link, &next.target).code == PROBLEM_NONE);
	must(page_read(&next, &page).code == PROBLEM_NONE && page.size == 2);
	must(json_equal(page.after, want));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 16384 || sodium_init() < 0)
		return 0;
	struct arena *a = arena_new(64 << 20);
	const char *text = arena_dup(a, (const char *)data + 1, size - 1);

	if (data[0] & 1)
		sealed(a, text);
	else
		made_up(a, text);
	arena_free(a);
	return 0;
}
