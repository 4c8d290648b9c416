/*
 * Log, console and the samples of `monitor`. A stream goes as far as the client has read,
 * and goes on when that has drained or the stream has grown.
 */
#include "control-parts.h"

#include <string.h>

#include "clock.h"
#include "escape.h"
#include "loop.h"
#include "msg.h"

#define CHUNK 8192 /* of a stream, per answer line or bundle of lines */
#define MONITOR_MIN_MS 500
#define MONITOR_MS 1000
#define MONITOR_MAX_MS (3600 * 1000)
#define MONITOR_LINES 16 /* of the log, to begin with */

/* The bytes at the end of text that are the beginning of a character; they wait for the
 * next chunk. */
static size_t cut_tail(const char *text, size_t len)
{
	unsigned cp;

	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char b = (unsigned char)text[len - back];

		if ((b & 0xc0) == 0x80)
			continue;
		return b >= 0xc0 && utf8_char(text + len - back, back, &cp) == 0 ? back
										 : 0;
	}
	return 0;
}

/* What the ring has lost may end within a character. */
static size_t cut_head(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && n < 3 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void put_lines(struct client *cl, const char *text, size_t len)
{
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - text) : len;

		control_put(cl, json_pack("{s:s%}", "line", text, n));
		n += nl != NULL;
		text += n;
		len -= n;
	}
}

/* One chunk; false where there is none. */
static bool send_chunk(struct client *cl)
{
	const struct keep *k = cl->control->streams[cl->stream];
	char text[CHUNK];
	size_t len, head, tail;
	uint64_t from;

	len = keep_read(k, &cl->at, text, sizeof(text));
	if (len == 0)
		return false;
	from = cl->at - len;
	head = from == keep_first(k) ? cut_head(text, len) : 0;
	if (cl->stream == CONTROL_LOG) {
		/* Whole lines only. */
		const char *nl = memrchr(text + head, '\n', len - head);

		tail = nl != NULL ? len - (size_t)(nl - text) - 1 : 0;
		put_lines(cl, text + head, len - head - tail);
	} else {
		tail = cut_tail(text + head, len - head);
		if (head + tail == len)
			tail = 0;
		control_put(
		    cl, json_pack("{s:s%}", "data", text + head, len - head - tail));
	}
	cl->at -= tail;
	return tail < len;
}

void control_stream_go(struct client *cl)
{
	while (!cl->gone && control_waiting(cl) < STREAM_AHEAD &&
	       (cl->follow || cl->at < cl->end))
		if (!send_chunk(cl))
			break;
	if (!cl->gone && !cl->follow && cl->at >= cl->end)
		control_answer_ok(cl);
}

static void begin_stream(struct client *cl, const json_t *req, enum control_stream s)
{
	const struct keep *k = cl->control->streams[s];

	cl->busy = BUSY_STREAM;
	cl->stream = s;
	cl->follow = msg_bool(req, "follow", false);
	cl->at = keep_first(k);
	cl->end = k->total;
	control_stream_go(cl);
}

void control_cmd_log(struct client *cl, const json_t *req)
{
	begin_stream(cl, req, CONTROL_LOG);
}

void control_cmd_console(struct client *cl, const json_t *req)
{
	begin_stream(cl, req, CONTROL_CONSOLE);
}

/* The next sample is due by the clock, however long this one took; where some were
 * missed, from now on. */
void control_put_sample(struct client *cl)
{
	struct control *c = cl->control;
	int64_t now = clock_ms();

	cl->asked = false;
	/* Who does not read (a terminal that is stopped) misses samples, no more. */
	if (control_waiting(cl) < STREAM_AHEAD)
		control_put(cl, json_pack("{s:o, s:I}", "status", c->ops->status(c->arg),
				    "ms", (json_int_t)now));
	cl->next_ms += cl->interval_ms;
	if (cl->next_ms <= now)
		cl->next_ms = now + cl->interval_ms;
	if (!cl->gone)
		loop_add_ms(cl->timer, cl->next_ms - now);
}

void control_take_sample(struct client *cl)
{
	struct control *c = cl->control;

	if (c->ops->refresh(c->arg)) {
		cl->asked = true;
		loop_add_ms(cl->timer, CONTROL_STATUS_MS);
	} else {
		control_put_sample(cl);
	}
}

void control_cmd_monitor(struct client *cl, const json_t *req)
{
	const struct keep *k = cl->control->streams[CONTROL_LOG];

	cl->interval_ms =
	    msg_int(req, "interval_ms", MONITOR_MIN_MS, MONITOR_MAX_MS, MONITOR_MS);
	cl->next_ms = clock_ms();
	cl->busy = BUSY_MONITOR;
	cl->stream = CONTROL_LOG;
	cl->follow = true;
	cl->at = keep_last_lines(k, MONITOR_LINES);
	control_stream_go(cl);
	control_take_sample(cl);
}
