/* openapi.h - the description of the API, built into the service.
 *
 * api/openapi.yaml is what people write; tools/yaml_json.c turns it into the JSON
 * that GET /openapi.json answers.
 */
#ifndef HALLMARK_API_OPENAPI_H
#define HALLMARK_API_OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

#endif
