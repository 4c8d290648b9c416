/*
 * The machine's hands: what struct machine_ops does in bhyfid main. All of it takes
 * milliseconds; what needs root is a call of priv.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "daemon-parts.h"
#include "log.h"
#include "loop.h"
#include "unixsock.h"

static int op_prepare(void *arg, struct err *e)
{
	struct daemon *d = arg;

	/* Before anything is claimed: nothing works without them. */
	if (modes_check(d, e) < 0)
		return -1;
	if (priv_call(d->priv, PRIV_PREPARE, 0, NULL, NULL, e) < 0)
		return -1;
	d->prepared_ms = clock_ms();
	return 0;
}

static int open_agent(void *arg, struct err *e)
{
	struct daemon *d = arg;

	return priv_open(d->priv, PRIV_CHANNEL, VMM_SOCK_AGENT, NULL, e);
}

static int open_console(void *arg, struct err *e)
{
	struct daemon *d = arg;

	return priv_open(d->priv, PRIV_CHANNEL, VMM_SOCK_CONSOLE, NULL, e);
}

static int connect_serial(struct daemon *d, struct err *e)
{
	/* First, so that nothing of it is lost. */
	console_serial(d->console, open_console, d);
	if (agent_serial(d->agent, open_agent, d, e) == 0)
		return 0;
	console_close(d->console);
	return -1;
}

static int connect_sockets(struct daemon *d, struct err *e)
{
	if (d->vmm->channel != NULL)
		return connect_serial(d, e);
	if (agent_connect(d->agent, vmm_sock_names[VMM_SOCK_AGENT], e) < 0 ||
	    console_connect(d->console, vmm_sock_names[VMM_SOCK_CONSOLE], e) < 0) {
		agent_close(d->agent);
		return -1;
	}
	return 0;
}

/* Asks or tells; what priv knows of images then is at d->image. 1: it has changed
 * something. Images are not worth more than a line in the log. */
static int image_word(struct daemon *d, enum image_word word)
{
	struct image_report report;
	struct err e = ERR_INIT;
	int32_t changed = 0;
	int fd = priv_open(d->priv, PRIV_IMAGE, (int32_t)word, &changed, &e);

	if (fd < 0) {
		log_warn("image: %s", e.msg);
		return 0;
	}
	if (pread(fd, &report, sizeof(report), 0) == sizeof(report))
		d->image = report;
	close(fd);
	return changed;
}

static void op_proved(void *arg)
{
	struct daemon *d = arg;

	image_word(d, IMAGE_PROVED);
	d->fell_back = false;
}

static bool op_supplicant_runs(void *arg)
{
	const struct daemon *d = arg;

	return d->record.reached[STAGE_SUPPLICANT];
}

static void say_fallback(struct daemon *d, struct err *why)
{
	d->fell_back = true;
	err_set(why, ERR_FAILED, "image %s is refused (%s): back to the one before",
	    d->image.refused, d->image.why);
	log_warn("%s", why->msg);
}

static bool op_fall_back(void *arg, enum image_word word, struct err *why)
{
	struct daemon *d = arg;

	if (image_word(d, word) == 0)
		return false;
	say_fallback(d, why);
	return true;
}

/* What was started; and where its files alone told that another is no good, says so. */
static void tell_image(struct daemon *d)
{
	struct image_report former = d->image;

	image_word(d, IMAGE_TELL);
	if (d->image.refused[0] != '\0' && strcmp(d->image.refused, former.refused) != 0)
		say_fallback(d, &d->machine.why);
}

static int op_vm_start(void *arg, struct err *e)
{
	struct daemon *d = arg;
	struct priv_reply r = {.fd = -1};
	struct err why = ERR_INIT;

	record_clear(&d->record);
	d->record.started_ms = clock_ms();
	if (d->prepared_ms != 0) {
		record_stage(&d->record, STAGE_PREPARED, d->prepared_ms);
		d->prepared_ms = 0;
	}
	if (priv_call(d->priv, PRIV_VM_START, 0, NULL, &r, e) < 0) {
		record_clear(&d->record);
		return -1;
	}
	d->vm_pid = r.pid;
	log_info("%s: process %d", d->config->vmm, (int)r.pid);
	tell_image(d);
	daemon_reached(d, STAGE_VMM);
	if (connect_sockets(d, &why) == 0)
		return 0;
	/* It has ended already, or is of no use: its end is what the machine hears. */
	log_warn("%s", why.msg);
	priv_call(d->priv, PRIV_VM_SIGNAL, SIGKILL, NULL, NULL, NULL);
	return 0;
}

static int op_vm_attach(void *arg, struct err *e)
{
	struct daemon *d = arg;

	record_clear(&d->record);
	image_word(d, IMAGE_TELL);
	return connect_sockets(d, e);
}

static int op_vm_kill(void *arg, struct err *e)
{
	struct daemon *d = arg;

	return priv_call(d->priv, PRIV_VM_SIGNAL, SIGKILL, NULL, NULL, e);
}

static int op_powerdown(void *arg, struct err *e)
{
	struct daemon *d = arg;
	int fd, ret;

	if (d->vmm->powerdown == NULL)
		return priv_call(d->priv, PRIV_VM_SIGNAL, SIGTERM, NULL, NULL, e);
	fd = unix_connect(vmm_sock_names[VMM_SOCK_MONITOR], e);
	if (fd < 0)
		return -1;
	ret = d->vmm->powerdown(fd, e);
	close(fd);
	return ret;
}

static int op_release(void *arg, struct err *e)
{
	struct daemon *d = arg;

	return priv_call(d->priv, PRIV_RELEASE, 0, NULL, NULL, e);
}

static int op_suspend(void *arg, struct err *e)
{
	struct daemon *d = arg;

	return priv_call(d->priv, PRIV_SUSPEND, 0, NULL, NULL, e);
}

static int op_send_config(void *arg, struct err *e)
{
	struct daemon *d = arg;
	json_t *o;
	int ret;

	daemon_reached(d, STAGE_LINK);
	o = modes_config(d, e);
	if (o == NULL)
		return -1;
	ret = agent_send(d->agent, MSG_CONFIG, o, e);
	if (ret == 0)
		daemon_reached(d, STAGE_CONFIG);
	return ret;
}

static int op_send_stop(void *arg, const char *reason, struct err *e)
{
	struct daemon *d = arg;

	return agent_send(d->agent, MSG_STOP, json_pack("{s:s}", "reason", reason), e);
}

static int op_tap_mac(void *arg, const uint8_t radio[6], struct err *e)
{
	(void)radio; /* the record's */
	return modes_tap_mac(arg, e);
}

static int op_tap_carrier(void *arg, bool on, struct err *e)
{
	struct daemon *d = arg;

	/* The mode may have changed since the radio was there. */
	if (on && modes_tap_mac(d, e) < 0)
		return -1;
	if (priv_call(d->priv, PRIV_TAP_CARRIER, on, NULL, NULL, e) < 0)
		return -1;
	if (on)
		daemon_reached(d, STAGE_CARRIER);
	return 0;
}

static void op_timer(void *arg, enum machine_timer t, int64_t ms)
{
	struct daemon *d = arg;

	if (ms < 0)
		event_del(d->timers[t].event);
	else
		loop_add_ms(d->timers[t].event, ms);
}

static int64_t op_now(void *arg)
{
	(void)arg;
	return clock_ms();
}

static void op_changed(void *arg, enum vm_state state)
{
	struct daemon *d = arg;

	log_info("state: %s", state_name(state));
	if (state == STATE_ONLINE)
		d->record.complaint[0] = '\0';
	/* The one that it fell back to fared no better. */
	if (state == STATE_FAILED && d->fell_back && !d->machine.proved) {
		image_word(d, IMAGE_ACQUIT);
		d->fell_back = false;
	}
	control_changed(d->control, state);
	if (d->quitting && (state == STATE_STOPPED || state == STATE_FAILED)) {
		control_flush(d->control);
		if (state == STATE_FAILED)
			d->fatal = d->machine.why;
		daemon_end(d);
	}
}

const struct machine_ops daemon_hands = {
    .prepare = op_prepare,
    .vm_start = op_vm_start,
    .vm_attach = op_vm_attach,
    .vm_kill = op_vm_kill,
    .powerdown = op_powerdown,
    .release = op_release,
    .suspend = op_suspend,
    .send_config = op_send_config,
    .send_stop = op_send_stop,
    .tap_mac = op_tap_mac,
    .tap_carrier = op_tap_carrier,
    .supplicant_runs = op_supplicant_runs,
    .proved = op_proved,
    .fall_back = op_fall_back,
    .timer = op_timer,
    .now = op_now,
    .changed = op_changed,
};
