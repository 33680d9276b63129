/* ascii.h - classes of ASCII characters, whatever the locale says. NUL is in none. */
#ifndef HALLMARK_BASE_ASCII_H
#define HALLMARK_BASE_ASCII_H

#include <stdbool.h>
#include <string.h>

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_alphanumeric(char c)
{
	return ascii_digit(c) || ascii_letter(c);
}

static inline bool ascii_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* How many characters at the start are letters, digits or in others. */
static inline size_t ascii_word(const char *s, size_t len, const char *others)
{
	size_t n = 0;

	while (n < len && (ascii_alphanumeric(s[n]) || ascii_one_of(s[n], others)))
		n++;
	return n;
}

#endif
