/* Pages: sizes, tokens that come back, tokens that belong elsewhere. */
#include "tap.h"

#include <sodium.h>

#include "api/loop.h"
#include "api/page.h"
#include "api/reply.h"

static struct arena *arena;
static struct service service;
static struct loop loop = {.service = &service};
static const unsigned char key[32] = {1, 2, 3}, other_key[32] = {9};

static struct request asks(const char *target)
{
	struct request rq = {.arena = arena, .loop = &loop};
	struct problem p = target_read(arena, target, &rq.target);

	if (p.code != PROBLEM_NONE)
		printf("# %s: %s\n", target, p.detail);
	return rq;
}

static const char *header(const struct request *rq, const char *name)
{
	for (int i = 0; i < rq->nheaders; i++)
		if (strcmp(rq->headers[i].name, name) == 0)
			return rq->headers[i].value;
	return NULL;
}

/* The token with which a list goes on behind a row of this key; NULL: it ends. */
static const char *token_after(const char *target, const char *row, bool more, const char **link)
{
	struct request rq = asks(target);
	struct json_out j = json_out_new(arena);

	page_open(&j);
	jw_int(&j, 1);
	page_close(&rq, &j, more, row);
	if (rq.response)
		MHD_destroy_response(rq.response);
	*link = header(&rq, "Link");
	const char *at = strstr(j.text, "\"next_page_token\":\"");
	if (!at)
		return NULL;
	at += strlen("\"next_page_token\":\"");
	return arena_dup(arena, at, strcspn(at, "\""));
}

static struct problem reads(const char *target, struct page *out)
{
	struct request rq = asks(target);

	return page_read(&rq, out);
}

static void sizes(void)
{
	static const struct {
		const char *target;
		int size; /* 0: refused */
	} rows[] = {
		{"/l", PAGE_DEFAULT},
		{"/l?page_size=1", 1},
		{"/l?page_size=500", 500},
		{"/l?page_size=501", PAGE_MAX},
		{"/l?page_size=99999999999999999999", PAGE_MAX},
		{"/l?page_size=007", 7},
		{"/l?page_size=0", 0},
		{"/l?page_size=-1", 0},
		{"/l?page_size=", 0},
		{"/l?page_size", 0},
		{"/l?page_size=1x", 0},
		{"/l?page_size=+1", 0},
		{"/l?page_size=%2B1", 0},
		{"/l?page_size=1.0", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct page page;
		struct problem p = reads(rows[i].target, &page);

		if (rows[i].size)
			ok(p.code == PROBLEM_NONE && page.size == rows[i].size && !page.after,
			   "%s is %d", rows[i].target, rows[i].size);
		else
			ok(p.code == PROBLEM_INVALID && p.errors &&
				   strcmp(p.errors->parameter, "page_size") == 0,
			   "%s is refused", rows[i].target);
	}
}

static void comes_back(void)
{
	static const char row[] = "[\"a\\\"b\",7,\"\xc3\xa9\"]";
	const char *link;
	const char *token = token_after("/l?tag=a%3Db&page_size=3", row, true, &link);
	struct page page;

	ok(token && strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "-_") == strlen(token),
	   "a token needs no encoding");
	is_str(link,
	       arena_printf(arena, "</l?tag=a%%3Db&page_size=3&page_token=%s>; rel=\"next\"",
			    token),
	       "the link is the request with the token");
	struct problem p =
		reads(arena_printf(arena, "/l?tag=a=b&page_size=9&page_token=%s", token), &page);
	is_int(p.code, PROBLEM_NONE, "it is taken back, with another size");
	is_str(page_after_text(&page, 0, "-"), "a\"b", "… and holds the text of the key");
	is_int(page_after_int(&page, 1, -1), 7, "… and its number");
	is_str(page_after_text(&page, 2, "-"), "\xc3\xa9", "… and the rest");
	is_str(page_after_text(&page, 1, "-"), "-", "a number is no text");
	is_int(page_after_int(&page, 0, -1), -1, "a text is no number");
	is_str(page_after_text(&page, 3, "-"), "-", "what is not there is not there");
	ok(!token_after("/l", row, false, &link) && !link, "the last page has no token");
	token_after("/l?page_token=old&page_size=2", row, true, &link);
	ok(link && !strstr(link, "old"), "the link has one token");
}

static void belongs(void)
{
	static const char *const others[] = {
		"/m?tag=a&q=b",       "/l?tag=a",     "/l?tag=a&q=c",   "/l?q=b&tag=a",
		"/l?tag=a&q=b&q=b",   "/l",           "/l/l?tag=a&q=b", "/l?taga=&q=b",
		"/l?tag=a&q=b&sort=", "/l?tag=aq&=b", "/%6C?tag=a&q=b",
	};
	const char *link;
	const char *token = token_after("/l?tag=a&q=b", "[1]", true, &link);
	struct page page;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *mark = strchr(others[i], '?') ? "&" : "?";
		struct problem p = reads(
			arena_printf(arena, "%s%spage_token=%s", others[i], mark, token), &page);

		is_int(p.code, PROBLEM_BAD_PAGE_TOKEN, "%s refuses it", others[i]);
	}
	const char *whole = arena_printf(arena, "/l?tag=a&q=b&page_token=%s", token);
	is_int(reads(whole, &page).code, PROBLEM_NONE, "its own list takes it");
	service.options.page_key = other_key;
	is_int(reads(whole, &page).code, PROBLEM_BAD_PAGE_TOKEN, "another installation does not");
	service.options.page_key = key;
}

static void spoilt(void)
{
	const char *link;
	char *token = (char *)token_after("/l", "[1]", true, &link);
	size_t len = strlen(token), taken = 0;
	struct page page;

	for (size_t i = 0; i < len; i++) {
		char kept = token[i];

		token[i] = kept == 'A' ? 'Q' : 'A';
		taken += reads(arena_printf(arena, "/l?page_token=%s", token), &page).code ==
			 PROBLEM_NONE;
		token[i] = kept;
	}
	is_int(taken, 0, "no letter of a token may be another");
	for (size_t i = 0; i < len; i++)
		taken += reads(arena_printf(arena, "/l?page_token=%.*s", (int)i, token), &page)
				 .code == PROBLEM_NONE;
	is_int(taken, 0, "nor may its end be missing");
	is_int(reads(arena_printf(arena, "/l?page_token=%s%%3D", token), &page).code,
	       PROBLEM_BAD_PAGE_TOKEN, "nor may it be padded");
	is_int(reads(arena_printf(arena, "/l?page_token=%06000d", 1), &page).code,
	       PROBLEM_BAD_PAGE_TOKEN, "one that is too long is refused");
}

int main(void)
{
	arena = arena_new(64 << 20);
	if (sodium_init() < 0)
		return 1;
	service.options.page_key = key;
	sizes();
	comes_back();
	belongs();
	spoilt();
	arena_free(arena);
	return tap_done();
}
