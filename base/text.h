/* text.h - the encodings that text travels in.
 *
 * Results that have no fixed size live in the arena given and end with a NUL
 * that is not counted. Readers are strict: what they do not take in full, they
 * refuse. sodium_init() must have been called once before.
 */
#ifndef HALLMARK_BASE_TEXT_H
#define HALLMARK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

char text_lower(char c); /* ASCII letters alone */
bool text_is(const char *s, size_t len, const char *word);
bool text_starts(const char *s, size_t len, const char *prefix);

/* Decimal digits, behind a minus when negative, and a NUL; returns the length without it. */
enum { TEXT_INT = 21 };
size_t text_int(int64_t v, char out[TEXT_INT]);

/* Lower-case hexadecimal. hex_text() writes 2 * len characters and a NUL. */
void hex_text(char *out, const void *bytes, size_t len);
bool hex_read(void *out, size_t len, const char *hex, size_t hex_len); /* lower case only */

/* RFC 4648: section 4 (standard) with padding; section 5 (url) for names in URLs. */
enum base64 { BASE64_STANDARD, BASE64_URL, BASE64_URL_UNPADDED };
char *base64_text(struct arena *a, enum base64 kind, const void *bytes, size_t len,
		  size_t *text_len); /* text_len may be NULL */
/* False for anything but the one right text of some bytes: no white space, no
 * missing padding, no stray bits in the last character. */
bool base64_read(struct arena *a, enum base64 kind, const char *text, size_t text_len,
		 unsigned char **bytes, size_t *len);

/* The same into out, for a text of exactly len bytes. */
bool base64_fill(void *out, size_t len, enum base64 kind, const char *text, size_t text_len);

/* RFC 3986 percent-encoding of everything but the unreserved characters and
 * those in keep: "" for one segment of a path, "/" for a whole path. */
char *percent_text(struct arena *a, const char *s, size_t len, const char *keep);
/* False for a '%' without two hexadecimal digits. A "+" stays a "+". The result
 * may hold any byte, NUL too: compare strlen() with len where that matters. */
bool percent_read(struct arena *a, const char *text, size_t text_len, char **s, size_t *len);

#endif
