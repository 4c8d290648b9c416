/* What a guest can send: bytes that become frames, sessions and messages. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "frame.h"
#include "link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_up(void *arg, const json_t *peer)
{
	(void)arg;
	(void)msg_str(peer, "who", "");
}

static void on_message(void *arg, enum msg_type type, const json_t *o)
{
	char text[32];
	uint8_t mac[6];

	(void)arg;
	(void)type;
	msg_str_copy(o, "ssid", text, sizeof(text));
	(void)msg_mac_parse(text, mac);
	(void)msg_int(o, "n", -5, 5, 0);
}

/*
 * The input is cut into pieces: a byte tells what comes next. 0: raw bytes go
 * in. 1: a frame with a right checksum and right sessions is made of them, or
 * nothing would ever get past the first checks.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct link_ops ops = {on_up, on_message, NULL};
	struct link *l =
	    link_new(MSG_TO_HOST, 4096, json_pack("{s:s}", "who", "fuzz"), &ops, NULL);
	uint8_t wire[FRAME_MAX];
	struct frame_reader r;
	struct frame ours, f;
	const uint8_t *p;
	size_t len;

	if (l == NULL)
		return 0;
	p = link_output(l, 1, &len);
	frame_reader_init(&r);
	frame_feed(&r, p, len);
	if (!frame_next(&r, &ours))
		__builtin_trap();
	while (size >= 8) {
		size_t n = data[1] | (size_t)(data[2] & 3) << 8;

		n = n < size - 8 ? n : size - 8;
		n = n < FRAME_PAYLOAD_MAX ? n : FRAME_PAYLOAD_MAX;
		if (data[0] == 0) {
			link_input(l, data + 8, n, 1);
		} else {
			f = (struct frame){.kind = 1 + data[3] % 3,
			    .more = data[4] & 1,
			    .type = data[5],
			    .seq = data[6],
			    .ack = data[7],
			    .session = 9,
			    .peer = ours.session,
			    .len = (uint16_t)n,
			    .payload = data + 8};
			link_input(l, wire, frame_encode(&f, wire), 1);
		}
		while (p = link_output(l, 2, &len), len > 0)
			link_output_done(l, len);
		data += 8 + n;
		size -= 8 + n;
	}
	link_free(l);
	return 0;
}
