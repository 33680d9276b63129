#include "base/origin.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static void close_url(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void close_part(char **s)
{
	curl_free(*s);
}

static bool part_present(CURLU *u, CURLUPart part)
{
	char *s __attribute__((cleanup(close_part))) = NULL;

	return curl_url_get(u, part, &s, 0) == CURLUE_OK;
}

/* One server, one spelling: host names do not tell upper from lower case. */
static bool lower_host(CURLU *u)
{
	char *host __attribute__((cleanup(close_part))) = NULL;

	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	for (char *c = host; *c; c++)
		*c = text_lower(*c);
	return curl_url_set(u, CURLUPART_HOST, host, 0) == CURLUE_OK;
}

struct problem origin_read(struct arena *a, const char *text, const char **origin)
{
	CURLU *u __attribute__((cleanup(close_url))) = curl_url();
	char *scheme __attribute__((cleanup(close_part))) = NULL;
	char *url __attribute__((cleanup(close_part))) = NULL;

	if (!u || curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return problem(a, PROBLEM_INVALID,
			       "\"%s\" is not the address of a server: write it like "
			       "http://127.0.0.1:8080 or https://registry.example",
			       text);
	if (part_present(u, CURLUPART_USER) || part_present(u, CURLUPART_PASSWORD))
		return problem(a, PROBLEM_INVALID,
			       "the server's address holds a user name or a password: "
			       "access is given by a token, kept in a file");
	if (part_present(u, CURLUPART_QUERY) || part_present(u, CURLUPART_FRAGMENT))
		return problem(a, PROBLEM_INVALID,
			       "the server's address \"%s\" ends in a query or fragment: leave it "
			       "out",
			       text);
	if (!lower_host(u) ||
	    curl_url_get(u, CURLUPART_URL, &url, CURLU_NO_DEFAULT_PORT) != CURLUE_OK)
		return problem(a, PROBLEM_INVALID, "\"%s\" is not the address of a server", text);

	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		len--;
	*origin = arena_dup(a, url, len);
	return NO_PROBLEM;
}
