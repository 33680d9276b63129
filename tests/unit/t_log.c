#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "tap.h"

static int capture_fd;

static void capture(void)
{
	char name[] = "/tmp/t_log.XXXXXX";

	capture_fd = mkstemp(name);
	unlink(name);
	dup2(capture_fd, STDERR_FILENO);
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char text[128 * 1024];
	ssize_t n = pread(capture_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	(void)!ftruncate(capture_fd, 0);
	lseek(capture_fd, 0, SEEK_SET);
	return text;
}

static json_t *line_of(const char *text)
{
	json_error_t error;
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	ok(line && text[strlen(text) - 1] == '\n' && strchr(text, '\n') == text + strlen(text) - 1,
	   "one line of JSON");
	return line;
}

static const char *text_of(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

static void a_line_is_one_object(void)
{
	log_line(LOG_WARN, "lane_lost", LOG_TEXT("why", "gone \"away\"\n{"), LOG_INT("lane", -3),
		 LOG_TEXT("absent", NULL), LOG_SECONDS("took", 1500001));
	json_t *line = line_of(logged());
	is_str(text_of(line, "level"), "warn", "level");
	is_str(text_of(line, "msg"), "lane_lost", "msg");
	is_str(text_of(line, "why"), "gone \"away\"\n{", "a value cannot break out");
	is_int(json_integer_value(json_object_get(line, "lane")), -3, "an integer");
	ok(!json_object_get(line, "absent"), "NULL leaves its field out");
	ok(json_real_value(json_object_get(line, "took")) == 1.500001, "seconds");
	json_decref(line);
}

static void the_time_has_nine_digits(void)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";

	log_line(LOG_INFO, "x");
	json_t *line = line_of(logged());
	const char *time = text_of(line, "time");
	bool good = strlen(time) == strlen(shape);
	for (size_t i = 0; good && shape[i]; i++)
		good = shape[i] == 'd' ? time[i] >= '0' && time[i] <= '9' : time[i] == shape[i];
	ok(good, "%s", time);
	json_decref(line);
}

static void long_lines_are_cut_and_stay_whole(void)
{
	static char value[5000];
	json_t *line;

	memset(value, 'a', 2047);
	snprintf(value + 2047, 20, "\xc3\xbc tail"); /* a character astride the edge of 2,048 */
	log_line(LOG_INFO, "long", LOG_TEXT("v", value));
	line = line_of(logged());
	is_int(strlen(text_of(line, "v")), 2047, "cut before the character");
	json_decref(line);

	memset(value, 1, 4999); /* six bytes each once escaped */
	log_line(LOG_INFO, "many", LOG_TEXT("a", value), LOG_TEXT("b", value), LOG_INT("c", 1));
	const char *text = logged();
	ok(strlen(text) < LOG_LINE, "less than 8 KiB");
	line = line_of(text);
	is_str(text_of(line, "msg"), "many", "what fitted is there");
	json_decref(line);
}

static void below_the_threshold_nothing_is_written(void)
{
	static struct log_batch b;
	const struct log_field none = {0};

	log_line(LOG_DEBUG, "no");
	log_collect(&b, LOG_DEBUG, "no", &none);
	log_flush(&b);
	is_str(logged(), "", "debug is off by default");
	log_threshold = LOG_DEBUG;
	log_line(LOG_DEBUG, "yes");
	ok(strstr(logged(), "yes"), "and can be turned on");
	log_threshold = LOG_INFO;
}

static void a_batch_is_written_once_a_turn_or_when_full(void)
{
	static struct log_batch b;
	const struct log_field fields[] = {LOG_INT("n", 7), {0}};
	int lines = 0;

	for (int i = 0; i < 3; i++)
		log_collect(&b, LOG_INFO, "turn", fields);
	is_str(logged(), "", "nothing before the flush");
	log_flush(&b);
	for (const char *s = logged(); (s = strchr(s, '\n')); s++)
		lines++;
	is_int(lines, 3, "three lines after it");
	for (int i = 0; i < 2000; i++)
		log_collect(&b, LOG_INFO, "turn", fields);
	ok(*logged(), "a full batch makes room by itself");
	log_flush(&b);
}

int main(void)
{
	capture();
	a_line_is_one_object();
	the_time_has_nine_digits();
	long_lines_are_cut_and_stay_whole();
	below_the_threshold_nothing_is_written();
	a_batch_is_written_once_a_turn_or_when_full();
	return tap_done();
}
