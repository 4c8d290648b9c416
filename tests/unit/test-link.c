/* frame.c, link.c and msg.c: two links over a channel that misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "link.h"

struct end {
	struct link *link;
	unsigned ups, messages, bad;
	int64_t expect; /* n of the next message */
	bool ordered;
	char last[64];
};

static void on_up(void *arg, const json_t *peer)
{
	struct end *x = arg;

	x->ups++;
	x->expect = 0;
	msg_str_copy(peer, "who", x->last, sizeof(x->last));
}

static void on_message(void *arg, enum msg_type type, const json_t *o)
{
	struct end *x = arg;

	(void)type;
	x->messages++;
	if (msg_int(o, "n", 0, 1 << 30, -1) != x->expect++)
		x->ordered = false;
}

static void on_bad(void *arg, unsigned count)
{
	((struct end *)arg)->bad = count;
}

static const struct link_ops ops = {on_up, on_message, on_bad};

static void end_init(struct end *x, enum msg_dir side, size_t window, const char *who)
{
	*x = (struct end){.ordered = true};
	x->link = link_new(side, window, json_pack("{s:s}", "who", who), &ops, x);
	assert_non_null(x->link);
}

/* The same on each system (Numerical Recipes' constants). */
static uint32_t seed;

static unsigned chance(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 12;
}

/* Moves what one end wants to say; each byte is lost with chance loss/1000. */
static size_t move(struct end *from, struct end *to, int64_t now, int loss)
{
	uint8_t bytes[FRAME_MAX];
	const uint8_t *p;
	size_t len, kept, total = 0;

	while (p = link_output(from->link, now, &len), len > 0) {
		kept = 0;
		for (size_t i = 0; i < len; i++)
			if ((int)(chance() % 1000) >= loss)
				bytes[kept++] = p[i];
		link_output_done(from->link, len);
		link_input(to->link, bytes, kept, now);
		total += len;
	}
	return total;
}

static int64_t run(struct end *a, struct end *b, int64_t now, int64_t until, int loss)
{
	while (now < until) {
		size_t moved = move(a, b, now, loss) + move(b, a, now, loss);
		int ta, tb, t;

		if (moved > 0)
			continue;
		if (link_is_idle(a->link) && link_is_idle(b->link) &&
		    link_is_up(a->link) && link_is_up(b->link))
			break;
		ta = link_timer_ms(a->link, now);
		tb = link_timer_ms(b->link, now);
		t = ta < 0 || (tb >= 0 && tb < ta) ? tb : ta;
		if (t < 0)
			break;
		now += t;
		link_tick(a->link, now);
		link_tick(b->link, now);
	}
	return now;
}

static void queue_numbers(struct end *x, enum msg_type type, int n, size_t pad)
{
	struct err e = ERR_INIT;
	char *text = calloc(1, pad + 1);

	memset(text, 'x', pad);
	for (int i = 0; i < n; i++)
		assert_int_equal(link_send(x->link, type,
				     json_pack("{s:i,s:s}", "n", i, "pad", text), &e),
		    0);
	free(text);
}

static void crc_is_ieee(void **state)
{
	(void)state;
	assert_int_equal(frame_crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(frame_crc32(frame_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

static void both_ways_in_order(void **state)
{
	struct end host, guest;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 65536, "bhyfi-guest");
	queue_numbers(&host, MSG_STATUS_GET, 50, 100);
	queue_numbers(&guest, MSG_LOG, 10, 20000);
	run(&host, &guest, 1000, 60000, 0);
	assert_int_equal(guest.messages, 50);
	assert_int_equal(host.messages, 10);
	assert_true(host.ordered && guest.ordered);
	assert_int_equal(host.ups, 1);
	assert_string_equal(host.last, "bhyfi-guest");
	assert_int_equal(host.bad + guest.bad, 0);
	link_free(host.link);
	link_free(guest.link);
}

static void loss_is_repaired(void **state)
{
	struct end host, guest;

	(void)state;
	/* Often enough that each frame of the beginning is lost once, at either end. */
	for (int round = 0; round < 300; round++) {
		int loss = 1 + round % 3;

		seed = (uint32_t)round;
		end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
		end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
		queue_numbers(&host, MSG_STATUS_GET, 40, 300);
		queue_numbers(&guest, MSG_LOG, 40, 300);
		run(&host, &guest, 1000, 10000000, loss);
		assert_int_equal(guest.messages, 40);
		assert_int_equal(host.messages, 40);
		assert_true(host.ordered && guest.ordered);
		link_free(host.link);
		link_free(guest.link);
	}
}

static void noise_before_the_first_frame(void **state)
{
	static const char noise[] = "UEFI firmware (version )\r\nbhy\xf1 bhy\xf1\x01\x02";
	struct end host, guest;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	for (int i = 0; i < 200; i++)
		link_input(host.link, noise, sizeof(noise), 1000);
	run(&host, &guest, 1000, 20000, 0);
	assert_true(link_is_up(host.link) && link_is_up(guest.link));
	link_free(host.link);
	link_free(guest.link);
}

static void a_new_daemon_is_a_new_session(void **state)
{
	struct end host, guest;
	int64_t now;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	now = run(&host, &guest, 1000, 20000, 0);
	/* Said to the old daemon, half of it on the wire: never heard by the new. */
	queue_numbers(&guest, MSG_LOG, 3, 3000);
	link_free(host.link);
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid-2");
	now = run(&host, &guest, now, now + 20000, 0);
	assert_int_equal(guest.ups, 2);
	assert_string_equal(guest.last, "bhyfid-2");
	assert_int_equal(host.messages, 0);
	queue_numbers(&guest, MSG_LOG, 3, 3000);
	run(&host, &guest, now, now + 20000, 0);
	assert_int_equal(host.messages, 3);
	assert_true(host.ordered);
	link_free(host.link);
	link_free(guest.link);
}

static void reopened_channel_comes_up_again(void **state)
{
	struct end host, guest;
	int64_t now;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	now = run(&host, &guest, 1000, 20000, 0);
	link_restart(guest.link, now);
	now = run(&host, &guest, now, now + 20000, 0);
	assert_int_equal(host.ups, 2);
	queue_numbers(&host, MSG_STATUS_GET, 3, 10);
	run(&host, &guest, now, now + 20000, 0);
	assert_int_equal(guest.messages, 3);
	link_free(host.link);
	link_free(guest.link);
}

/* A serial port that is not raw yet. */
static void an_echo_is_nobody(void **state)
{
	struct end host, guest;
	int64_t now = 1000;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	for (int i = 0; i < 10; i++, now += 300) {
		move(&guest, &guest, now, 0);
		link_tick(guest.link, now);
	}
	assert_false(link_is_up(guest.link));
	assert_int_equal(guest.ups + guest.bad, 0);
	run(&host, &guest, now, now + 20000, 0);
	assert_true(link_is_up(host.link) && link_is_up(guest.link));
	link_free(host.link);
	link_free(guest.link);
}

static void a_listener_waits_to_be_spoken_to(void **state)
{
	static const char noise[] = "BdsDxe: starting Boot0001 bhy\xf1";
	struct end host, guest;
	int64_t now = 1000;
	size_t len;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	link_listen(host.link);
	link_input(host.link, noise, sizeof(noise), now);
	for (int i = 0; i < 10; i++, now += 1000) {
		assert_int_equal(link_timer_ms(host.link, now), -1);
		link_tick(host.link, now);
		link_output(host.link, now, &len);
		assert_int_equal(len, 0);
	}
	now = run(&host, &guest, now, now + 20000, 0);
	assert_true(link_is_up(host.link) && link_is_up(guest.link));
	/* A new daemon finds a guest that only sends its beats. */
	link_free(host.link);
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid-2");
	link_listen(host.link);
	link_output(host.link, now, &len);
	assert_int_equal(len, 0);
	queue_numbers(&guest, MSG_BEAT, 1, 10);
	run(&host, &guest, now, now + 20000, 0);
	assert_true(link_is_up(host.link));
	assert_int_equal(guest.ups, 2);
	link_free(host.link);
	link_free(guest.link);
}

/* What a serial port does with a burst: each byte takes its time. */
static void a_slow_port_is_not_flooded(void **state)
{
	struct end host, guest;
	size_t sent = 0, len, n;
	int64_t now = 1000;
	const uint8_t *p;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	now = run(&host, &guest, now, now + 20000, 0);
	queue_numbers(&host, MSG_STATUS_GET, 1, 20000);
	/* Two bytes per millisecond, so a frame takes longer than the time after which
	 * it is sent again at first. */
	for (; !link_is_idle(host.link) && now < 60000; now++) {
		p = link_output(host.link, now, &len);
		n = len < 2 ? len : 2;
		link_input(guest.link, p, n, now);
		link_output_done(host.link, n);
		sent += n;
		move(&guest, &host, now, 0);
		if (link_timer_ms(host.link, now) == 0)
			link_tick(host.link, now);
	}
	assert_int_equal(guest.messages, 1);
	/* The first frame, and some more before its time is known. */
	assert_true(sent < 20000 + 20000 / 4);
	link_free(host.link);
	link_free(guest.link);
}

static void queue_is_bounded(void **state)
{
	struct end host;
	struct err e = ERR_INIT;
	char *big = calloc(1, MSG_MAX + 1);
	int n = 0;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	memset(big, 'x', MSG_MAX);
	assert_int_equal(
	    link_send(host.link, MSG_STATUS_GET, json_pack("{s:s}", "x", big), &e), -1);
	big[MSG_MAX - 64] = '\0';
	while (
	    link_send(host.link, MSG_STATUS_GET, json_pack("{s:s}", "x", big), &e) == 0)
		n++;
	assert_int_equal(n, 4);
	assert_string_equal(e.msg, "agent channel: queue is full");
	assert_int_equal(link_send(host.link, MSG_LOG, json_object(), &e), -1);
	link_free(host.link);
	free(big);
}

/* A peer that speaks frames but nonsense in them. */
static void bad_messages_are_counted(void **state)
{
	static const char *const payloads[] = {"", "[]", "{", "{\"a\":1,\"a\":2}",
	    "{\"a\":[[[[[[[[[1]]]]]]]]]}", "{\"a\":\"\\u0000\"}", "null"};
	const char hello[] = "{\"who\":\"evil\"}";
	struct frame f = {.kind = FRAME_HELLO,
	    .session = 7,
	    .payload = (const uint8_t *)hello,
	    .len = sizeof(hello) - 1};
	struct frame_reader r;
	struct end host;
	uint8_t out[FRAME_MAX];
	const uint8_t *p;
	size_t len;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	link_input(host.link, out, frame_encode(&f, out), 1);
	p = link_output(host.link, 1, &len);
	frame_reader_init(&r);
	frame_feed(&r, p, len);
	assert_true(frame_next(&r, &f));
	link_output_done(host.link, len);
	f = (struct frame){.kind = FRAME_HELLO,
	    .session = 7,
	    .peer = f.session,
	    .payload = (const uint8_t *)hello,
	    .len = sizeof(hello) - 1};
	link_input(host.link, out, frame_encode(&f, out), 1);
	assert_true(link_is_up(host.link));
	f.kind = FRAME_DATA;
	for (unsigned i = 0; i < 7; i++) {
		f.seq = i + 1;
		f.type = MSG_LOG;
		f.payload = (const uint8_t *)payloads[i];
		f.len = (uint16_t)strlen(payloads[i]);
		link_input(host.link, out, frame_encode(&f, out), 1);
		assert_int_equal(host.bad, i + 1);
	}
	f.seq = 8;
	f.type = MSG_CONFIG; /* the wrong direction */
	f.payload = (const uint8_t *)"{}";
	f.len = 2;
	link_input(host.link, out, frame_encode(&f, out), 1);
	f.seq = 9;
	f.type = 255;
	link_input(host.link, out, frame_encode(&f, out), 1);
	assert_int_equal(host.bad, 9);
	/* An endless message is cut off and counted once. */
	f.more = true;
	f.type = MSG_LOG;
	f.payload = out;
	f.len = 900;
	static uint8_t copy[900], wire[FRAME_MAX];
	f.payload = copy;
	for (f.seq = 10; f.seq < 200; f.seq++)
		link_input(host.link, wire, frame_encode(&f, wire), 1);
	f.more = false;
	link_input(host.link, wire, frame_encode(&f, wire), 1);
	assert_int_equal(host.bad, 10);
	assert_int_equal(host.messages, 0);
	link_free(host.link);
}

/* An acknowledgement of what was never sent must not free or underflow. */
static void lying_acks_are_ignored(void **state)
{
	struct end host, guest;
	struct frame f = {.kind = FRAME_ACK, .session = 1, .ack = 0xffffffff};
	uint8_t wire[FRAME_MAX];
	struct frame_reader r;
	const uint8_t *p;
	size_t len;

	(void)state;
	end_init(&host, MSG_TO_HOST, 1024, "bhyfid");
	end_init(&guest, MSG_TO_GUEST, 4096, "bhyfi-guest");
	run(&host, &guest, 1000, 20000, 0);
	queue_numbers(&host, MSG_STATUS_GET, 5, 800);
	p = link_output(host.link, 1, &len);
	frame_reader_init(&r);
	frame_feed(&r, p, len);
	assert_true(frame_next(&r, &f));
	struct frame lie = {
	    .kind = FRAME_ACK, .session = f.peer, .peer = f.session, .ack = 0xffffffff};
	link_input(host.link, wire, frame_encode(&lie, wire), 1);
	assert_false(link_is_idle(host.link));
	run(&host, &guest, 1000, 20000, 0);
	assert_int_equal(guest.messages, 5);
	link_free(host.link);
	link_free(guest.link);
}

static void mac_text(void **state)
{
	uint8_t mac[6];
	char text[MAC_TEXT_SIZE];

	(void)state;
	assert_true(msg_mac_parse("02:aB:00:ff:10:9f", mac));
	msg_mac_text(mac, text);
	assert_string_equal(text, "02:ab:00:ff:10:9f");
	assert_false(msg_mac_parse("02:ab:00:ff:10:9", mac));
	assert_false(msg_mac_parse("02:ab:00:ff:10:9f0", mac));
	assert_false(msg_mac_parse("02-ab-00-ff-10-9f", mac));
	assert_false(msg_mac_parse("0g:ab:00:ff:10:9f", mac));
	assert_false(msg_mac_parse(NULL, mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crc_is_ieee),
	    cmocka_unit_test(both_ways_in_order),
	    cmocka_unit_test(loss_is_repaired),
	    cmocka_unit_test(noise_before_the_first_frame),
	    cmocka_unit_test(a_new_daemon_is_a_new_session),
	    cmocka_unit_test(reopened_channel_comes_up_again),
	    cmocka_unit_test(an_echo_is_nobody),
	    cmocka_unit_test(a_listener_waits_to_be_spoken_to),
	    cmocka_unit_test(a_slow_port_is_not_flooded),
	    cmocka_unit_test(queue_is_bounded),
	    cmocka_unit_test(bad_messages_are_counted),
	    cmocka_unit_test(lying_acks_are_ignored),
	    cmocka_unit_test(mac_text),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
