/* yaml_json.c - YAML on standard input becomes JSON on standard output.
 *
 * A tool of the build, for api/openapi.yaml. Plain scalars become what the JSON
 * schema of YAML 1.2 makes of them (null, true, false, numbers); quoted and block
 * scalars are text. Anchors are followed; tags are passed over.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static void die(const char *why, const yaml_mark_t *at)
{
	fprintf(stderr, "yaml_json: line %zu: %s\n", at ? at->line + 1 : 0, why);
	exit(1);
}

static void text(const char *s, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static bool is_number(const char *s)
{
	const char *p = s + (*s == '-');
	size_t whole = strspn(p, "0123456789");

	if (whole == 0 || (whole > 1 && *p == '0'))
		return false;
	p += whole;
	if (*p == '.') {
		size_t fraction = strspn(p + 1, "0123456789");

		if (fraction == 0)
			return false;
		p += 1 + fraction;
	}
	return *p == '\0';
}

static void scalar(const yaml_node_t *n)
{
	const char *s = (const char *)n->data.scalar.value;
	bool plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (plain && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0 || is_number(s)))
		fputs(s, stdout);
	else if (plain && (*s == '\0' || strcmp(s, "null") == 0 || strcmp(s, "~") == 0))
		fputs("null", stdout);
	else
		text(s, n->data.scalar.length);
}

static void node(yaml_document_t *doc, int index);

static void sequence(yaml_document_t *doc, const yaml_node_t *n)
{
	putchar('[');
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
	     i++) {
		if (i > n->data.sequence.items.start)
			putchar(',');
		node(doc, *i);
	}
	putchar(']');
}

static void mapping(yaml_document_t *doc, const yaml_node_t *n)
{
	putchar('{');
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(doc, p->key);

		if (key->type != YAML_SCALAR_NODE)
			die("a key must be a word", &key->start_mark);
		if (p > n->data.mapping.pairs.start)
			putchar(',');
		text((const char *)key->data.scalar.value, key->data.scalar.length);
		putchar(':');
		node(doc, p->value);
	}
	putchar('}');
}

static void node(yaml_document_t *doc, int index)
{
	const yaml_node_t *n = yaml_document_get_node(doc, index);

	switch (n->type) {
	case YAML_SCALAR_NODE:
		scalar(n);
		break;
	case YAML_SEQUENCE_NODE:
		sequence(doc, n);
		break;
	case YAML_MAPPING_NODE:
		mapping(doc, n);
		break;
	case YAML_NO_NODE:
		die("no value", &n->start_mark);
	}
}

int main(void)
{
	yaml_parser_t parser;
	yaml_document_t doc;

	if (!yaml_parser_initialize(&parser))
		die("out of memory", NULL);
	yaml_parser_set_input_file(&parser, stdin);
	if (!yaml_parser_load(&parser, &doc))
		die(parser.problem ? parser.problem : "cannot be read", &parser.problem_mark);
	if (!yaml_document_get_root_node(&doc))
		die("empty", NULL);
	node(&doc, 1);
	putchar('\n');
	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	return 0;
}
