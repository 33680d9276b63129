#include "api/page.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api/loop.h"
#include "api/reply.h"
#include "base/json_in.h"
#include "base/text.h"
#include "base/timestamp.h"

enum { MAC = 16, EXPIRY = 8, TOKEN_MAX = 4096, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

static const int64_t lifetime_us = 24LL * 3600 * 1000000;

static bool is_paging(const char *name)
{
	return strcmp(name, "page_token") == 0 || strcmp(name, "page_size") == 0;
}

static void mac_word(crypto_generichash_state *h, const char *s, size_t len)
{
	unsigned char n[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
			      (unsigned char)(len >> 8), (unsigned char)len};

	crypto_generichash_update(h, n, sizeof(n));
	crypto_generichash_update(h, (const unsigned char *)s, len);
}

static void mac_make(struct request *rq, const unsigned char *payload, size_t len,
		     unsigned char mac[MAC])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, rq->loop->service->options.page_key, 32, MAC);
	mac_word(&h, rq->target.raw, rq->target.path_len);
	for (int i = 0; i < rq->target.nquery; i++) {
		const struct query_parameter *q = &rq->target.query[i];

		if (is_paging(q->name.text))
			continue;
		mac_word(&h, q->name.text, q->name.len);
		mac_word(&h, q->value.text, q->value.len);
	}
	mac_word(&h, (const char *)payload, len);
	crypto_generichash_final(&h, mac, MAC);
}

static int64_t expiry_of(const unsigned char *payload)
{
	uint64_t v = 0;

	for (int i = 0; i < EXPIRY; i++)
		v = v << 8 | payload[i];
	return (int64_t)v;
}

static struct problem token_read(struct request *rq, const char *token, json_t **after)
{
	static const char wrong[] = "page_token is not one that this list gave; leave it out to "
				    "start from the first page";
	unsigned char *bytes = arena_bytes(rq->arena, TOKEN_MAX), mac[MAC];
	size_t len;

	if (sodium_base642bin(bytes, TOKEN_MAX, token, strlen(token), NULL, &len, NULL, BASE64) ||
	    len <= MAC + EXPIRY)
		return problem(rq->arena, PROBLEM_BAD_PAGE_TOKEN, "%s", wrong);
	len -= MAC;
	mac_make(rq, bytes, len, mac);
	if (sodium_memcmp(mac, bytes + len, MAC) != 0)
		return problem(rq->arena, PROBLEM_BAD_PAGE_TOKEN, "%s", wrong);
	if (expiry_of(bytes) < timestamp_now())
		return problem(rq->arena, PROBLEM_BAD_PAGE_TOKEN,
			       "page_token is older than a day; start from the first page");
	return json_in(rq->arena, (const char *)bytes + EXPIRY, len - EXPIRY, after);
}

struct problem page_read(struct request *rq, struct page *out)
{
	const char *size = request_query(rq, "page_size"), *token = request_query(rq, "page_token");

	*out = (struct page){.size = PAGE_DEFAULT};
	if (size) {
		const bool digits = *size && strspn(size, "0123456789") == strlen(size);
		const long n = digits ? strtol(size, NULL, 10) : 0;

		if (n < 1)
			return problem_at_parameter(rq->arena, "page_size",
						    "want a number from 1 to %d", PAGE_MAX);
		out->size = n > PAGE_MAX ? PAGE_MAX : (int)n;
	}
	return token ? token_read(rq, token, &out->after) : NO_PROBLEM;
}

static const char *token_make(struct request *rq, const char *key)
{
	size_t key_len = strlen(key), len = EXPIRY + key_len;
	unsigned char *bytes = arena_bytes(rq->arena, len + MAC);
	uint64_t expiry = (uint64_t)(timestamp_now() + lifetime_us);

	for (int i = EXPIRY - 1; i >= 0; i--, expiry >>= 8)
		bytes[i] = (unsigned char)expiry;
	memcpy(bytes + EXPIRY, key, key_len);
	mac_make(rq, bytes, len, bytes + len);
	size_t room = sodium_base64_encoded_len(len + MAC, BASE64);
	return sodium_bin2base64(arena_bytes(rq->arena, room), room, bytes, len + MAC, BASE64);
}

/* The same request with another page_token. */
static void link_next(struct request *rq, const char *token)
{
	struct json_out kept = json_out_new(rq->arena); /* used as a growing text */

	for (int i = 0; i < rq->target.nquery; i++) {
		const struct word *name = &rq->target.query[i].name;
		const struct word *value = &rq->target.query[i].value;

		if (strcmp(name->text, "page_token") == 0)
			continue;
		const char *part = arena_printf(
			rq->arena, "%s=%s&", percent_text(rq->arena, name->text, name->len, ""),
			percent_text(rq->arena, value->text, value->len, ""));
		kept.comma = false;
		jw_raw(&kept, part, strlen(part));
	}
	reply_header(rq, "Link",
		     arena_printf(rq->arena, "<%.*s?%spage_token=%s>; rel=\"next\"",
				  (int)rq->target.path_len, rq->target.raw, jw_done(&kept), token));
}

struct problem page_query(struct request *rq, const struct query_list *list,
			  const struct page *page, const struct statement **out)
{
	struct query_value *values = arena_array(rq->arena, struct query_value, TARGET_QUERY);
	struct query_ask ask = {.values = values, .after = page->after, .limit = page->size + 1};

	for (int i = 0; i < rq->target.nquery; i++)
		values[ask.nvalues++] = (struct query_value){rq->target.query[i].name.text,
							     rq->target.query[i].value.text};
	return query_statement(rq->loop->lists, &rq->args, list, &ask, out);
}

const char *page_after_text(const struct page *p, size_t i, const char *first)
{
	const char *text = p->after ? json_string_value(json_array_get(p->after, i)) : NULL;

	return text ? text : first;
}

int64_t page_after_int(const struct page *p, size_t i, int64_t first)
{
	const json_t *n = p->after ? json_array_get(p->after, i) : NULL;

	return json_is_integer(n) ? json_integer_value(n) : first;
}

void page_open(struct json_out *j)
{
	jw_object(j);
	jw_key(j, "items");
	jw_array(j);
}

void page_close(struct request *rq, struct json_out *j, bool more, const char *key)
{
	const char *token = more ? token_make(rq, key) : NULL;

	jw_end_array(j);
	jw_key(j, "next_page_token"), jw_text(j, token);
	jw_end_object(j);
	if (token)
		link_next(rq, token);
	reply_json(rq, 200, j);
}
