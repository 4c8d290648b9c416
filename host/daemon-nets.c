/* How choosing networks and the programs behind the door are part of bhyfid main. */
#include "daemon-parts.h"

static bool op_ready(void *arg)
{
	const struct daemon *d = arg;
	enum vm_state s = d->machine.state;

	return (s == STATE_ASSOCIATING || s == STATE_ONLINE) &&
	       d->config->mode != MODE_AP && agent_is_up(d->agent);
}

static int op_send(void *arg, enum msg_type type, json_t *o, struct err *e)
{
	struct daemon *d = arg;

	return agent_send(d->agent, type, o, e);
}

static int op_configure(void *arg, const struct networks *networks, struct err *e)
{
	struct daemon *d = arg;
	int ret;

	d->tried = networks;
	ret = daemon_hands.send_config(d, e);
	d->tried = NULL;
	return ret;
}

static int op_load(void *arg, struct networks *n, struct err *e)
{
	return modes_networks(arg, n, e);
}

static const char *op_joined(void *arg)
{
	const struct daemon *d = arg;

	return d->record.wlan.associated ? d->record.wlan.ssid_hex : "";
}

static void op_answer(void *arg, int64_t call, json_t *o, const struct err *e)
{
	struct daemon *d = arg;

	control_answer(d->control, call, o, e);
}

static const struct nets_ops ops = {
    op_ready, op_send, op_configure, op_load, op_joined, op_answer};

static int send_wpa(void *arg, json_t *o, struct err *e)
{
	return op_send(arg, MSG_WPA, o, e);
}

int daemon_nets_make(struct daemon *d, struct err *e)
{
	d->wpa = wpa_relay_new(d->base, send_wpa, d);
	if (d->wpa != NULL) {
		d->nets = nets_new(d->base, d->wpa, &ops, d);
		d->wpa_clients = wpa_clients_new(d->base, d->setup->wpa_fd, d->wpa);
	}
	if (d->nets == NULL || d->wpa_clients == NULL)
		return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

void daemon_nets_free(struct daemon *d)
{
	wpa_clients_free(d->wpa_clients);
	nets_free(d->nets);
	wpa_relay_free(d->wpa);
}

void daemon_nets_gone(struct daemon *d)
{
	wpa_relay_gone(d->wpa);
	nets_guest_gone(d->nets);
}

void daemon_nets_message(struct daemon *d, enum msg_type type, const json_t *o)
{
	const char *text = msg_str(o, "text", "");

	if (type == MSG_WPA_REPLY) {
		wpa_relay_reply(d->wpa, o);
	} else if (type == MSG_JOINED) {
		nets_joined(d->nets, o);
	} else if (type == MSG_WPA_EVENT) {
		nets_event(d->nets, text);
		wpa_clients_event(d->wpa_clients, text);
	}
}
