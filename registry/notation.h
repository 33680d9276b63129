/* notation.h - words whose form another standard gives: one rule per kind of word.
 *
 * As the rules for names (registry/name.h), each takes the text and where it stood, and
 * answers with NO_PROBLEM or with what is wrong and what would be right.
 */
#ifndef HALLMARK_REGISTRY_NOTATION_H
#define HALLMARK_REGISTRY_NOTATION_H

#include "registry/name.h"

enum { MEDIA_TYPE_MAX_BYTES = 255, URI_MAX_BYTES = 2048 };

name_rule notation_media_type; /* RFC 9110 §8.3.1, at most 255 bytes */
name_rule notation_digest;     /* sha256: and 64 lower-case hex digits */
name_rule notation_commit;     /* a full commit id: 40 or 64 lower-case hex digits */
name_rule notation_uri;        /* RFC 3986 with a scheme, at most 2,048 bytes, no password in it */
name_rule notation_image; /* a container image as registries name it: HOST/PATH:TAG, or a URI */

#endif
