/* What the guest's messages mean: one table row each. */
#ifndef BHYFI_GUEST_H
#define BHYFI_GUEST_H

#include "machine.h"
#include "msg.h"
#include "record.h"

struct guest_ops {
	void (*event)(void *arg, enum machine_event ev, const struct machine_input *in);
	void (*stage)(void *arg, enum stage s);
	void (*status)(void *arg); /* an answer to status-get has been recorded */
	void (*air_reply)(void *arg, int64_t id, const json_t *o);
	/* wpa-reply, wpa-event, joined */
	void (*wpa)(void *arg, enum msg_type type, const json_t *o);
};

struct guest {
	struct record *record;
	const struct guest_ops *ops;
	void *arg;
	/* Lines that it may put into our log. */
	int64_t second;
	unsigned lines, dropped;
};

void guest_init(
    struct guest *g, struct record *r, const struct guest_ops *ops, void *arg);

/* One message, already known to be a JSON object; everything in it is hostile. */
void guest_message(struct guest *g, enum msg_type type, const json_t *o, int64_t now_ms);

#endif
