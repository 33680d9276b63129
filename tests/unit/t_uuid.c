#include "base/uuid.h"

#include <sodium.h>
#include <time.h>

#include "tests/unit/tap.h"

enum { MANY = 100000 };

static const char *const bad[] = {
	"",
	"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
	"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
	"017f22e279b07cc398c4dc0c0c07398f",
	"017f22e2-79b0-7cc3-98c4+dc0c0c07398f",
	"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
	"{17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	"0-17f22e279b0-7cc3-98c4-dc0c0c07398f",
};

static void new_ones_are_version_7(void)
{
	unsigned char last[UUID_BYTES] = {0}, uuid[UUID_BYTES];
	int order = 0, shape = 0;

	for (int i = 0; i < MANY; i++) {
		uuid_new(uuid);
		order += memcmp(last, uuid, UUID_BYTES) < 0;
		shape += uuid[6] >> 4 == 7 && uuid[8] >> 6 == 2;
		memcpy(last, uuid, UUID_BYTES);
	}
	is_int(order, MANY, "each of %d is greater than the one before", MANY);
	is_int(shape, MANY, "each has version 7 and the variant of RFC 9562");

	long long ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | uuid[i];
	long long now = (long long)time(NULL) * 1000;
	ok(ms > now - 2000 && ms < now + 2000, "the first 48 bits are the milliseconds of today");
}

int main(void)
{
	static const char example[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"; /* RFC 9562, A.6 */
	unsigned char uuid[UUID_BYTES];
	char text[UUID_TEXT];

	if (sodium_init() < 0)
		return 1;
	ok(uuid_read("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", 36, uuid), "upper case is read");
	ok(memcmp(uuid, "\x01\x7f\x22\xe2\x79\xb0\x7c\xc3\x98\xc4\xdc\x0c\x0c\x07\x39\x8f", 16) ==
		   0,
	   "the bytes are the RFC's");
	uuid_text(uuid, text);
	is_str(text, example, "the text is in lower case");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!uuid_read(bad[i], strlen(bad[i]), uuid), "'%s' is refused", bad[i]);
	new_ones_are_version_7();
	return tap_done();
}
