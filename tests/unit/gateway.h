/* gateway.h - stands before an HTTP server and answers in its place, or cuts it short.
 *
 * Listens on a port of 127.0.0.1 of its own. What is armed strikes the next
 * connections, so many of them; the others are carried through. Any thread.
 */
#ifndef HALLMARK_TESTS_GATEWAY_H
#define HALLMARK_TESTS_GATEWAY_H

struct gateway;

struct gateway *gateway_new(int server_port);
int gateway_port(const struct gateway *g);

/* The next `times` connections get this text as their answer, "HTTP/1.1 503 …", and no server. */
void gateway_answer(struct gateway *g, int times, const char *text);
/* Of the next `times` connections only the first `bytes` of the answers arrive. */
void gateway_cut(struct gateway *g, int times, int bytes);
void gateway_calm(struct gateway *g); /* nothing is armed any more */

int gateway_connections(const struct gateway *g); /* so far */
/* What the newest answered client had sent, as much as came in one piece. */
const char *gateway_heard(const struct gateway *g);

void gateway_free(struct gateway *g); /* once its clients are gone */

#endif
