/* utf8.h - is this text fit to be a name, a path, a comment?
 *
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing past
 * U+10FFFF. NFC as Unicode Standard Annex 15 has it, by libutf8proc.
 */
#ifndef HALLMARK_BASE_UTF8_H
#define HALLMARK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

bool utf8_valid(const char *s, size_t len);

/* The three below want valid UTF-8. */
bool utf8_is_nfc(const char *s, size_t len);
char *utf8_nfc(struct arena *a, const char *s, size_t len, size_t *nfc_len); /* NULL: no memory */

/* What hides or rearranges the text around it: the first control (C0, DEL, C1),
 * line or paragraph separator, bidi mark, byte order mark or noncharacter, as
 * code point; -1 when there is none. NUL counts as one: U+0000 is 0. */
int32_t utf8_forbidden(const char *s, size_t len);

#endif
