/* nearest.h - the word that was probably meant, for "did you mean" in messages. */
#ifndef HALLMARK_BASE_NEAREST_H
#define HALLMARK_BASE_NEAREST_H

#include <stddef.h>

/* A search for the best of many words: offer each, then read .best. */
struct nearest {
	const char *word;
	const char *best; /* NULL: none is near enough */
	int distance;
};

/* Words count as near when a third of the letters or fewer are added, left out,
 * changed, or swapped with their neighbour. Case and '-' against '_' are free. */
struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *n, const char *candidate); /* borrowed */

/* The same over words that lie together; NULL: none is near enough. */
const char *nearest_word(const char *word, const char *const *words, size_t n);

#endif
