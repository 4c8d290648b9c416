/*
 * The link: sessions, order, acknowledgement, window.
 *
 * Theory of operation. Both ends are equal. Each draws a random session number
 * at start (and at link_restart) and says it in every frame, together with the
 * session of the other end as it knows it. A link is up once we hold the
 * peer's session and the peer has shown that it holds ours.
 *
 * Any frame shows that, so that one end is not up for good while the other one waits:
 * the hello that would have told it may be lost. An end that is up answers
 * a hello with an acknowledgement, which is never answered; with a hello the two
 * would go on for ever.
 *
 * Order matters here: a data frame counts only if it carries both sessions, so
 * nothing of a former life of either end (bytes that sat in the VMM's socket
 * buffer while the daemon was replaced) is ever taken for news. A hello with a
 * new session means that the other end has started over: all queued and half
 * received state of the old session is dropped before the owner hears `up`.
 *
 * Data is go-back-N: the receiver takes only the next number and acknowledges
 * the last one taken; the sender keeps what is unacknowledged, bounded by the
 * window, and sends all of it again when the timer runs out. The channel hardly
 * ever loses anything but its beginning, so nothing cleverer pays.
 */
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "frame.h"
#include "log.h"

#define HELLO_MS 250
#define RESEND_MIN_MS 300
#define RESEND_MAX_MS 8000
#define QUEUE_MAX (256 * 1024)

struct out_frame {
	STAILQ_ENTRY(out_frame) next;
	int64_t sent_ms; /* when last; 0: not yet */
	bool again;      /* sent more than once */
	uint32_t seq;
	uint16_t len;
	uint8_t type;
	bool more;
	uint8_t payload[];
};
STAILQ_HEAD(out_queue, out_frame);

struct link {
	enum msg_dir side;
	size_t window;
	json_t *hello;
	const struct link_ops *ops;
	void *arg;

	uint32_t session, peer;
	json_t *peer_hello; /* what the peer has said of itself */
	bool knows_us;      /* the peer has named our session */
	bool was_up;
	bool listens; /* silent until the peer has spoken */
	bool heard;   /* since the channel was opened */

	struct out_queue queue;   /* unacknowledged first, then unsent */
	struct out_frame *unsent; /* first of the queue that is to be sent (again) */
	size_t queued, in_flight; /* bytes */
	uint32_t next_seq;        /* of the next frame queued */
	uint32_t acked;           /* highest that the peer has */
	int64_t resend_at;        /* 0: no timer */
	int resend_ms;            /* how long an acknowledgement may take */
	int rtt_ms, rtt_var_ms;   /* how long one takes, and how much that varies */

	uint32_t taken; /* highest number received in order */
	bool want_ack, want_hello;
	int64_t hello_at;

	struct frame_reader reader;
	char *msg; /* MSG_MAX, being put together */
	size_t msg_len;
	bool msg_overlong;
	unsigned bad;

	uint8_t out[FRAME_MAX];
	size_t out_len, out_done;
};

/* No file: bhyfid is in a chroot without /dev. */
static uint32_t random_session(void)
{
	uint32_t s = 0;

	while (s == 0)
		if (getentropy(&s, sizeof(s)) < 0)
			return 0;
	return s;
}

static void drop_queue(struct link *l)
{
	struct out_frame *f;

	while ((f = STAILQ_FIRST(&l->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->queue, next);
		explicit_bzero(f->payload, f->len);
		free(f);
	}
	l->unsent = NULL;
	l->queued = l->in_flight = 0;
	l->next_seq = 1;
	l->acked = 0;
	l->resend_at = 0;
}

/* The other end is another one, maybe another channel. */
static void forget_rtt(struct link *l)
{
	l->rtt_ms = l->rtt_var_ms = 0;
	l->resend_ms = RESEND_MIN_MS;
}

static void drop_received(struct link *l)
{
	l->taken = 0;
	l->msg_len = 0;
	l->msg_overlong = false;
	l->want_ack = false;
}

struct link *link_new(enum msg_dir side, size_t window, json_t *hello,
    const struct link_ops *ops, void *arg)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL || hello == NULL)
		goto fail;
	l->side = side;
	l->window = window;
	l->hello = hello;
	l->ops = ops;
	l->arg = arg;
	l->msg = malloc(MSG_MAX);
	l->session = random_session();
	STAILQ_INIT(&l->queue);
	drop_queue(l);
	forget_rtt(l);
	frame_reader_init(&l->reader);
	l->want_hello = true;
	if (l->msg == NULL || l->session == 0)
		goto fail;
	return l;
fail:
	if (l != NULL)
		free(l->msg);
	free(l);
	json_decref(hello);
	return NULL;
}

void link_free(struct link *l)
{
	if (l == NULL)
		return;
	drop_queue(l);
	json_decref(l->hello);
	json_decref(l->peer_hello);
	explicit_bzero(l->msg, MSG_MAX);
	free(l->msg);
	explicit_bzero(l->out, sizeof(l->out));
	free(l);
}

void link_restart(struct link *l, int64_t now_ms)
{
	uint32_t s = random_session();

	if (l->was_up)
		drop_queue(l);
	else
		l->unsent = STAILQ_FIRST(&l->queue);
	l->in_flight = 0;
	forget_rtt(l);
	drop_received(l);
	frame_reader_init(&l->reader);
	if (s != 0)
		l->session = s;
	l->peer = 0;
	l->knows_us = false;
	l->heard = false;
	l->want_hello = true;
	l->hello_at = now_ms;
	l->out_len = l->out_done = 0;
}

void link_set_window(struct link *l, size_t window)
{
	l->window = window;
}

void link_listen(struct link *l)
{
	l->listens = true;
}

/* Whether we may speak of our own accord. */
static bool may_speak(const struct link *l)
{
	return !l->listens || l->peer != 0 || l->heard;
}

bool link_is_up(const struct link *l)
{
	return l->peer != 0 && l->knows_us;
}

bool link_is_idle(const struct link *l)
{
	return STAILQ_FIRST(&l->queue) == NULL && l->out_len == l->out_done;
}

static int queue_frames(
    struct link *l, enum msg_type type, const char *text, size_t len, struct err *e)
{
	size_t at = 0;

	if (len > MSG_MAX)
		return err_set(e, ERR_FAILED,
		    "agent channel: message of %zu bytes is too large", len);
	if (l->queued + len > QUEUE_MAX)
		return err_set(e, ERR_FAILED, "agent channel: queue is full");
	do {
		size_t n = len - at < FRAME_PAYLOAD_MAX ? len - at : FRAME_PAYLOAD_MAX;
		struct out_frame *f = malloc(sizeof(*f) + n);

		/* Half a message stays queued then: the receiver drops it at the
		 * next message's parse, which counts as one bad message. */
		if (f == NULL)
			return err_sys(e, ENOMEM, "agent channel");
		memcpy(f->payload, text + at, n);
		at += n;
		f->sent_ms = 0;
		f->again = false;
		f->len = (uint16_t)n;
		f->type = (uint8_t)type;
		f->more = at < len;
		f->seq = l->next_seq++;
		STAILQ_INSERT_TAIL(&l->queue, f, next);
		if (l->unsent == NULL)
			l->unsent = f;
		l->queued += n;
	} while (at < len);
	return 0;
}

int link_send(struct link *l, enum msg_type type, json_t *o, struct err *e)
{
	const struct msg_row *row = msg_row((uint8_t)type);
	char *text;
	size_t len;
	int ret;

	if (row == NULL || row->dir == l->side) {
		json_decref(o);
		return err_set(
		    e, ERR_FAILED, "agent channel: not a message of ours: %d", (int)type);
	}
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text == NULL)
		return err_set(
		    e, ERR_FAILED, "agent channel: cannot encode %s", row->name);
	len = strlen(text);
	ret = queue_frames(l, type, text, len, e);
	explicit_bzero(text, len);
	free(text);
	return ret;
}

static void bad_message(struct link *l)
{
	l->bad++;
	if (l->ops->bad != NULL)
		l->ops->bad(l->arg, l->bad);
}

static void finish_message(struct link *l, uint8_t type)
{
	const struct msg_row *row = msg_row(type);
	size_t len = l->msg_len;
	json_t *o;

	l->msg_len = 0;
	if (l->msg_overlong || row == NULL || row->dir != l->side) {
		l->msg_overlong = false;
		bad_message(l);
		return;
	}
	o = msg_parse(l->msg, len);
	if (row->secret)
		explicit_bzero(l->msg, len);
	if (o == NULL) {
		bad_message(l);
		return;
	}
	l->ops->message(l->arg, row->type, o);
	json_decref(o);
}

static void take_data(struct link *l, const struct frame *f)
{
	l->want_ack = true;
	if (f->seq != l->taken + 1)
		return;
	l->taken = f->seq;
	if (l->msg_len + f->len > MSG_MAX)
		l->msg_overlong = true;
	if (!l->msg_overlong && f->len > 0) {
		memcpy(l->msg + l->msg_len, f->payload, f->len);
		l->msg_len += f->len;
	}
	if (!f->more)
		finish_message(l, f->type);
}

/*
 * A serial port takes half a second for a frame that a socket takes at once; if all is
 * sent again before it can have been acknowledged, the port is never empty again. So
 * the time follows what was measured (RFC 6298), on frames that were sent once only
 * (Karn), and grows until such a one has come.
 */
static void take_rtt(struct link *l, int64_t ms)
{
	int sample = ms < RESEND_MAX_MS ? (int)ms : RESEND_MAX_MS, want;

	if (l->rtt_ms == 0) {
		l->rtt_ms = sample;
		l->rtt_var_ms = sample / 2;
	} else {
		l->rtt_var_ms += (abs(sample - l->rtt_ms) - l->rtt_var_ms) / 4;
		l->rtt_ms += (sample - l->rtt_ms) / 8;
	}
	want = l->rtt_ms + 4 * l->rtt_var_ms;
	l->resend_ms = want < RESEND_MIN_MS   ? RESEND_MIN_MS
		       : want > RESEND_MAX_MS ? RESEND_MAX_MS
					      : want;
}

static void take_ack(struct link *l, uint32_t ack, int64_t now_ms)
{
	bool progress = false, clear = false;
	struct out_frame *f;
	int64_t sent = 0;

	if (ack >= l->next_seq)
		return;
	while ((f = STAILQ_FIRST(&l->queue)) != NULL && f->seq <= ack) {
		/* An ack may come when we are about to send it all again. */
		if (f == l->unsent)
			l->unsent = STAILQ_NEXT(f, next);
		else
			l->in_flight -= (size_t)f->len + FRAME_HEADER;
		sent = f->sent_ms;
		clear = !f->again;
		STAILQ_REMOVE_HEAD(&l->queue, next);
		l->queued -= f->len;
		explicit_bzero(f->payload, f->len);
		free(f);
		progress = true;
	}
	if (!progress)
		return;
	l->acked = ack;
	if (clear)
		take_rtt(l, now_ms - sent);
	l->resend_at = l->in_flight > 0 ? now_ms + l->resend_ms : 0;
}

/* The peer has named our session. */
static void come_up(struct link *l, int64_t now_ms)
{
	l->knows_us = true;
	l->was_up = true;
	l->hello_at = now_ms;
	l->ops->up(l->arg, l->peer_hello);
}

static void take_hello(struct link *l, const struct frame *f, int64_t now_ms)
{
	bool was_up = link_is_up(l);
	json_t *o;

	if (f->session != l->peer) {
		o = msg_parse((const char *)f->payload, f->len);
		if (o == NULL) {
			bad_message(l);
			return;
		}
		json_decref(l->peer_hello);
		l->peer_hello = o;
		/* Before anything was ever acknowledged the queue waits for its
		 * first peer; later it was meant for one that is gone. */
		if (l->was_up)
			drop_queue(l);
		drop_received(l);
		l->peer = f->session;
		l->knows_us = false;
		was_up = false;
	}
	l->knows_us = f->peer == l->session;
	if (!l->knows_us || !was_up)
		l->want_hello = true;
	else
		l->want_ack = true;
	if (l->knows_us && !was_up)
		come_up(l, now_ms);
}

static void take_frame(struct link *l, const struct frame *f, int64_t now_ms)
{
	/* A serial port that is not raw yet echoes: that is ourselves. */
	if (f->session == l->session)
		return;
	l->heard = true;
	if (f->kind == FRAME_HELLO) {
		take_hello(l, f, now_ms);
		return;
	}
	if (f->peer != l->session || f->session != l->peer) {
		if (f->kind == FRAME_DATA)
			l->want_hello = true;
		return;
	}
	if (!link_is_up(l))
		come_up(l, now_ms);
	take_ack(l, f->ack, now_ms);
	if (f->kind == FRAME_DATA)
		take_data(l, f);
}

void link_input(struct link *l, const void *data, size_t len, int64_t now_ms)
{
	const uint8_t *p = data;
	struct frame f;
	size_t n;

	do {
		n = frame_feed(&l->reader, p, len);
		p += n;
		len -= n;
		while (frame_next(&l->reader, &f))
			take_frame(l, &f, now_ms);
	} while (len > 0);
}

static void encode(struct link *l, struct frame *f)
{
	f->session = l->session;
	f->peer = l->peer;
	f->ack = l->taken;
	l->out_len = frame_encode(f, l->out);
	l->out_done = 0;
	l->want_ack = false;
}

static bool encode_hello(struct link *l, int64_t now_ms)
{
	char text[FRAME_PAYLOAD_MAX];
	size_t n = json_dumpb(l->hello, text, sizeof(text), JSON_COMPACT);
	struct frame f = {.kind = FRAME_HELLO, .payload = (const uint8_t *)text};

	l->want_hello = false;
	l->hello_at = now_ms + HELLO_MS;
	if (n == 0 || n > sizeof(text)) {
		log_error("agent channel: our hello does not fit a frame");
		return false;
	}
	f.len = (uint16_t)n;
	encode(l, &f);
	return true;
}

static bool encode_data(struct link *l, int64_t now_ms)
{
	struct out_frame *o = l->unsent;
	struct frame f;
	size_t size;

	if (o == NULL || !link_is_up(l))
		return false;
	size = (size_t)o->len + FRAME_HEADER;
	if (l->in_flight > 0 && l->in_flight + size > l->window)
		return false;
	f = (struct frame){.kind = FRAME_DATA,
	    .more = o->more,
	    .type = o->type,
	    .seq = o->seq,
	    .len = o->len,
	    .payload = o->payload};
	encode(l, &f);
	l->in_flight += size;
	o->again = o->sent_ms != 0;
	o->sent_ms = now_ms;
	l->unsent = STAILQ_NEXT(o, next);
	if (l->resend_at == 0)
		l->resend_at = now_ms + l->resend_ms;
	return true;
}

const uint8_t *link_output(struct link *l, int64_t now_ms, size_t *len)
{
	struct frame ack = {.kind = FRAME_ACK};

	if (l->out_done == l->out_len) {
		l->out_done = l->out_len = 0;
		if (l->want_hello && may_speak(l))
			encode_hello(l, now_ms);
		else if (!encode_data(l, now_ms) && l->want_ack && link_is_up(l))
			encode(l, &ack);
	}
	*len = l->out_len - l->out_done;
	return l->out + l->out_done;
}

void link_output_done(struct link *l, size_t len)
{
	l->out_done += len;
}

int link_timer_ms(const struct link *l, int64_t now_ms)
{
	int64_t at = 0;

	if (!may_speak(l))
		return -1;
	if (!link_is_up(l))
		at = l->hello_at;
	else if (l->resend_at != 0)
		at = l->resend_at;
	else
		return -1;
	return at > now_ms ? (int)(at - now_ms) : 0;
}

void link_tick(struct link *l, int64_t now_ms)
{
	if (!link_is_up(l)) {
		if (now_ms >= l->hello_at)
			l->want_hello = true;
		return;
	}
	if (l->resend_at == 0 || now_ms < l->resend_at)
		return;
	log_debug("agent channel: %zu bytes were not acknowledged in %d ms: sent again",
	    l->in_flight, l->resend_ms);
	l->unsent = STAILQ_FIRST(&l->queue);
	l->in_flight = 0;
	l->resend_ms =
	    l->resend_ms * 2 > RESEND_MAX_MS ? RESEND_MAX_MS : l->resend_ms * 2;
	l->resend_at = l->unsent != NULL ? now_ms + l->resend_ms : 0;
}
