#include "base/timestamp.h"

#include <time.h>

#include "base/ascii.h"

enum { SECOND = 1000000 };

int64_t timestamp_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

int64_t monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. Years are counted
 * from March, so that the leap day is the last of its year, and from the year 0,
 * so that every quotient is of a number that is not negative. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 719469;
}

/* The other way; days is that of a year from 1 to 9999. */
static void date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t y = (10000 * (days + 719468) + 14780) / 3652425;
	int64_t rest = days + 719468 - (y * 365 + y / 4 - y / 100 + y / 400);

	if (rest < 0) {
		y--;
		rest = days + 719468 - (y * 365 + y / 4 - y / 100 + y / 400);
	}
	int64_t m = (100 * rest + 52) / 3060;

	*month = (int)((m + 2) % 12 + 1);
	*year = (int)(y + (*month <= 2));
	*day = (int)(rest - (m * 306 + 5) / 10 + 1);
}

static char *digits(char *p, int64_t v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

size_t timestamp_text(int64_t micros, char buf[TIMESTAMP_TEXT])
{
	int64_t seconds = micros / SECOND, fraction = micros % SECOND;
	int year, month, day;
	char *p = buf;

	if (fraction < 0) {
		fraction += SECOND;
		seconds--;
	}
	int64_t days = seconds / 86400, rest = seconds % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	date_of(days, &year, &month, &day);
	p = digits(p, year, 4), *p++ = '-';
	p = digits(p, month, 2), *p++ = '-';
	p = digits(p, day, 2), *p++ = 'T';
	p = digits(p, rest / 3600, 2), *p++ = ':';
	p = digits(p, rest / 60 % 60, 2), *p++ = ':';
	p = digits(p, rest % 60, 2), *p++ = '.';
	p = digits(p, fraction, 6), *p++ = 'Z';
	*p = '\0';
	return (size_t)(p - buf);
}

/* Exactly width digits, then the character after (unless it is NUL). */
static bool take(const char **s, int width, char after, int *out)
{
	*out = 0;
	for (int i = 0; i < width; i++, (*s)++) {
		if (!ascii_digit(**s))
			return false;
		*out = *out * 10 + (**s - '0');
	}
	if (after && **s != after)
		return false;
	*s += after != '\0';
	return true;
}

static bool take_fraction(const char **s, int64_t *micros)
{
	int64_t value = 0;
	int n = 0;

	*micros = 0;
	if (**s != '.')
		return true;
	for (++*s; ascii_digit(**s); ++*s, n++) {
		if (n == 9)
			return false;
		if (n < 6)
			value = value * 10 + (**s - '0');
	}
	for (int i = n; i < 6; i++)
		value *= 10;
	*micros = value;
	return n > 0;
}

static bool take_offset(const char **s, int64_t *seconds)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (**s == 'Z' || **s == 'z') {
		++*s;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	++*s;
	if (!take(s, 2, ':', &hours) || !take(s, 2, '\0', &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = (int64_t)sign * (hours * 3600 + minutes * 60);
	return true;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **s, int64_t *days)
{
	int year, month, day;

	if (!take(s, 4, '-', &year) || !take(s, 2, '-', &month) || !take(s, 2, '\0', &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*days = days_of(year, month, day);
	return true;
}

static bool take_clock(const char **s, int64_t *seconds)
{
	int hour, minute, second;

	if (!take(s, 2, ':', &hour) || !take(s, 2, ':', &minute) || !take(s, 2, '\0', &second))
		return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60;
}

bool timestamp_read(const char *s, int64_t *micros)
{
	const int64_t first = days_of(1, 1, 1) * 86400, end = days_of(10000, 1, 1) * 86400;
	int64_t days, clock, fraction, offset;

	if (!take_date(&s, &days))
		return false;
	if (*s != 'T' && *s != 't')
		return false;
	s++;
	if (!take_clock(&s, &clock) || !take_fraction(&s, &fraction) || !take_offset(&s, &offset))
		return false;
	int64_t seconds = days * 86400 + clock - offset;
	if (*s || seconds < first || seconds >= end)
		return false;
	*micros = seconds * SECOND + fraction;
	return true;
}
