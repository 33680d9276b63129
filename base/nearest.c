#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 64 };

static int fold(char c)
{
	return c == '-' ? '_' : tolower((unsigned char)c);
}

static int least(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits from a to b, a swap of neighbours being one (the "optimal string
 * alignment" distance). Both at most LONGEST bytes; three rows are enough. */
static int distance(const char *a, size_t alen, const char *b, size_t blen)
{
	int rows[3][LONGEST + 1];

	for (size_t j = 0; j <= blen; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= alen; i++) {
		int *now = rows[i % 3];
		const int *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = (int)i;
		for (size_t j = 1; j <= blen; j++) {
			int differs = fold(a[i - 1]) != fold(b[j - 1]);

			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]) && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return rows[alen % 3][blen];
}

struct nearest nearest_to(const char *word)
{
	int len = (int)strnlen(word, LONGEST + 1);

	return (struct nearest){.word = word, .distance = len < 3 ? 2 : len / 3 + 1};
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t wlen = strnlen(n->word, LONGEST + 1), clen = strnlen(candidate, LONGEST + 1);

	if (wlen > LONGEST || clen > LONGEST)
		return;
	int d = distance(n->word, wlen, candidate, clen);
	if (d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}

const char *nearest_word(const char *word, const char *const *words, size_t n)
{
	struct nearest nearest = nearest_to(word);

	for (size_t i = 0; i < n; i++)
		nearest_offer(&nearest, words[i]);
	return nearest.best;
}
