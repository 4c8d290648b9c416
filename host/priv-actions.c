/*
 * The closed list. Each action takes what it works on from the parent's own
 * configuration and state; the request adds a MAC address or a small number,
 * which are checked here.
 */
#include "priv-server.h"
#include "unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mac.h"
#include "msg.h"
#include "os/native.h"
#include "paths.h"

struct action {
	enum priv_op op;
	const char *name;
	int (*run)(struct priv_server *s, const struct priv_request *r,
	    struct priv_reply *reply, struct err *e);
};

static int out_of_order(const char *name, const char *why, struct err *e)
{
	return err_set(e, ERR_USAGE, "%s: out of order: %s", name, why);
}

/* The first error of several steps counts; the others are logged. */
static void collect(int *ret, int r, struct err *e, struct err *step)
{
	if (r == 0)
		return;
	if (*ret == 0 && e != NULL)
		*e = *step;
	else
		log_error("%s", step->msg);
	*ret = -1;
	*step = (struct err)ERR_INIT;
}

static void close_tap(struct priv_server *s)
{
	if (s->tap_fd >= 0)
		close(s->tap_fd);
	if (s->tap_watch >= 0)
		close(s->tap_watch);
	s->tap_fd = s->tap_watch = -1;
}

static int make_tap(struct priv_server *s, struct err *e)
{
	s->plugged = false;
	close_tap(s);
	if (s->os->tap_create(&s->c, &s->tap_fd, e) < 0)
		return -1;
	if (if_watch(&s->tap_watch, e) == 0)
		return 0;
	close_tap(s);
	s->os->tap_destroy(s->c.interface, s->c.instance, NULL);
	return -1;
}

/* What prepare took, and the record with it. What can not be put back stays on
 * record, for another try. */
static int undo_prepare(struct priv_server *s, struct err *e)
{
	if (s->c.card.kind == CARD_PCI &&
	    s->os->card_release(&s->c.card, &s->claim, e) < 0)
		return -1;
	unlink(VM_STATE_FILE);
	memset(&s->claim, 0, sizeof(s->claim));
	return 0;
}

static int do_prepare(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	bool pci = s->c.card.kind == CARD_PCI, fresh = !s->claim.claimed;
	struct err back = ERR_INIT;
	struct card_claim seen;

	(void)r;
	(void)reply;
	if (s->prepared && !s->parked)
		return out_of_order("prepare", "done before", e);
	/* Of one that was not put back we know the driver it had at first; but it may be
	 * gone after a sleep. */
	if (pci && (fresh || s->parked) && s->os->card_examine(&s->c.card, &seen, e) < 0)
		return -1;
	if (pci && fresh)
		s->claim = seen;
	s->parked = false;
	if (vm_record_put(s, 0, "", e) < 0) {
		if (fresh)
			memset(&s->claim, 0, sizeof(s->claim));
		return -1;
	}
	/* The tap that was kept for a sleep is looked at when the VM starts. */
	if ((!pci || s->os->card_claim(&s->c.card, s->vm_uid, &s->claim, e) == 0) &&
	    (s->prepared || make_tap(s, e) == 0)) {
		s->prepared = true;
		return 0;
	}
	if (undo_prepare(s, &back) < 0)
		log_error("%s", back.msg);
	return -1;
}

static int do_vm_start(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	struct host_if i;

	(void)r;
	if (!s->prepared || s->parked)
		return out_of_order("vm-start", "nothing is prepared", e);
	if (s->vm_pid > 0)
		return out_of_order("vm-start", "the VM runs", e);
	/* The tap of an adopted VM went with it, and anybody may delete one. */
	if (host_if(s->c.interface, &i, e) < 0)
		return -1;
	if (((s->tap_fd < 0 && !s->vmm->opens_tap) || !i.exists) && make_tap(s, e) < 0)
		return -1;
	if (vm_launch(s, e) < 0)
		return -1;
	s->tap_awaited = s->vmm->opens_tap;
	reply->pid = s->vm_pid;
	return 0;
}

static int do_vm_signal(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)reply;
	if (r->arg != SIGTERM && r->arg != SIGKILL)
		return err_set(e, ERR_USAGE, "vm-signal: expected SIGTERM or SIGKILL");
	if (s->vm_pid <= 0)
		return err_set(e, ERR_NOT_RUNNING, "vm-signal: no VM runs");
	return proc_signal(s->vm_watch, s->vm_pid, r->arg, e);
}

static int do_tap_mac(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)reply;
	if (!s->prepared)
		return out_of_order("tap-mac", "nothing is prepared", e);
	if (!msg_mac_is_station(r->mac))
		return err_set(e, ERR_USAGE, "tap-mac: expected a unicast address");
	return s->os->tap_set_mac(s->c.interface, r->mac, e);
}

static int do_tap_carrier(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)reply;
	if (!s->prepared)
		return out_of_order("tap-carrier", "nothing is prepared", e);
	if (r->arg != 0 && r->arg != 1)
		return err_set(e, ERR_USAGE, "tap-carrier: expected 0 or 1");
	s->tap_awaited = false;
	if (s->os->tap_carrier(s->c.interface, r->arg == 1, e) < 0)
		return -1;
	s->plugged = r->arg == 1;
	if (s->plugged)
		priv_renew(s);
	return 0;
}

/* A file of the user's that holds secrets. */
static int open_secrets(const char *path, const char *hint, int *out, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		int code = errno;

		err_sys(e, code, "%s", path);
		if (code == ENOENT && e != NULL)
			e->code = ERR_PRECONDITION;
		return err_hint(e, "%s", hint);
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_FAILED, "%s: not a regular file", path);
	}
	if (st.st_mode & S_IROTH)
		log_warn(
		    "%s: everybody can read the passphrases in it (chmod 600)", path);
	*out = fd;
	return 0;
}

static int do_networks(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)r;
	return open_secrets(
	    s->c.networks, "networks names a wpa_supplicant.conf", &reply->fd, e);
}

static int do_ap_conf(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)r;
	return open_secrets(
	    s->c.access_point, "access_point names a hostapd.conf", &reply->fd, e);
}

static int do_secret(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)s;
	(void)r;
	if (fs_mkdir_p(PATH_DB, 0755, e) < 0)
		return -1;
	reply->fd = mac_secret_open(PATH_DB "/secret", e);
	return reply->fd < 0 ? -1 : 0;
}

static bool take_config(struct priv_server *s, const struct config *fresh)
{
	bool all = config_take(&s->c, fresh);

	log_set_level(s->c.log_level);
	return all;
}

static int do_config(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	char name[] = "config.XXXXXX";
	struct config fresh;
	int fd;

	if (r->arg != 0 && r->arg != 1)
		return err_set(e, ERR_USAGE, "config: expected 0 or 1");
	if (r->arg == 1) {
		take_config(s, &s->former);
		return 0;
	}
	if (config_load(&fresh, s->c.instance, e) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "reload");
	unlink(name);
	s->former = s->c;
	reply->value = take_config(s, &fresh) ? 0 : 1;
	if (fs_write_all(fd, &s->c, sizeof(s->c), e) < 0) {
		take_config(s, &s->former);
		close(fd);
		return err_prefix(e, "reload");
	}
	reply->fd = fd;
	return 0;
}

static int do_channel(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	if (r->arg != VMM_SOCK_AGENT && r->arg != VMM_SOCK_CONSOLE)
		return err_set(e, ERR_USAGE, "channel: expected agent or console");
	if (s->vmm->channel == NULL)
		return err_set(e, ERR_USAGE, "channel: %s serves sockets", s->vmm->name);
	if (s->vm_pid <= 0)
		return err_set(e, ERR_NOT_RUNNING, "channel: no VM runs");
	return s->vmm->channel(&s->c, (enum vmm_sock)r->arg, &reply->fd, e);
}

/* What a VMM that ended has left: before the card is put back, which it may hold. */
static int clean_up(const struct priv_server *s, const struct vmm_ops *vmm, struct err *e)
{
	return vmm != NULL && vmm->cleanup != NULL ? vmm->cleanup(&s->c, e) : 0;
}

static void remove_sockets(void)
{
	for (int i = 0; i < VMM_SOCKS; i++)
		unlink(vmm_sock_names[i]);
}

static void remove_files(void)
{
	remove_sockets();
	unlink(VM_STATE_FILE);
}

int priv_release(struct priv_server *s, struct err *e)
{
	struct err step = ERR_INIT;
	int ret = 0;

	s->plugged = false;
	collect(&ret, clean_up(s, s->vmm, &step), e, &step);
	close_tap(s);
	if (s->prepared)
		collect(&ret, s->os->tap_destroy(s->c.interface, s->c.instance, &step), e,
		    &step);
	if (s->c.card.kind == CARD_PCI)
		collect(
		    &ret, s->os->card_release(&s->c.card, &s->claim, &step), e, &step);
	/* What could not be put back stays on record, for another try. */
	if (ret == 0) {
		remove_files();
		memset(&s->claim, 0, sizeof(s->claim));
		s->prepared = s->parked = false;
	}
	return ret;
}

static int do_release(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	(void)r;
	(void)reply;
	if (s->vm_pid > 0)
		return out_of_order("release", "the VM runs", e);
	vm_image_stopped(s);
	return priv_release(s, e);
}

/* The tap stays, so that the host's network programs keep what they know of it; but an
 * adopted VM's went with it. */
static int unplug_tap(struct priv_server *s, struct err *e)
{
	struct host_if i;

	if (host_if(s->c.interface, &i, e) < 0)
		return -1;
	s->plugged = false;
	return i.exists ? s->os->tap_carrier(s->c.interface, false, e) : make_tap(s, e);
}

/*
 * The card stays with the pass-through driver, and belongs to no VM any more: given
 * back, the host's own driver would be started seconds before it has to sleep, and the
 * host's network programs with it, and the card would be in use when the VM wants it
 * again.
 */
static int do_suspend(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	struct err step = ERR_INIT;

	(void)r;
	(void)reply;
	if (s->vm_pid > 0)
		return out_of_order("suspend", "the VM runs", e);
	vm_image_stopped(s);
	if (clean_up(s, s->vmm, e) < 0)
		return -1;
	remove_sockets();
	if (s->prepared && unplug_tap(s, &step) < 0)
		log_warn("%s", step.msg);
	s->parked = true;
	if (vm_record_put(s, 0, "", e) < 0) {
		s->parked = false;
		return -1;
	}
	step = (struct err)ERR_INIT;
	if (s->c.card.kind == CARD_PCI && s->os->before_sleep != NULL &&
	    s->os->before_sleep(&step) < 0)
		log_err(LOG_LEVEL_WARN, &step);
	return 0;
}

static int do_image(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	int changed;

	if (r->arg < 0 || r->arg >= IMAGE_WORDS)
		return err_set(e, ERR_USAGE, "image: no such word");
	changed = vm_image_word(s, (enum image_word)r->arg, e);
	if (changed < 0)
		return -1;
	reply->value = changed;
	reply->fd = vm_image_report(s, e);
	return reply->fd < 0 ? -1 : 0;
}

/* Whether the process on record is still that one; *watch then is the caller's. */
static bool is_alive(const struct vm_record *v, int *watch)
{
	uint64_t start;

	if (proc_watch(v->pid, watch, NULL) < 0)
		return false;
	/* Asked once it is watched: it can not be replaced any more. One that has
	 * exited but that nobody has waited for still has its number. */
	struct pollfd p = {.fd = *watch, .events = POLLIN};
	if (proc_start(v->pid, &start, NULL) == 0 && start == v->start &&
	    poll(&p, 1, 0) == 0)
		return true;
	close(*watch);
	*watch = -1;
	return false;
}

/*
 * Presses the power button of a VM that we can not run on, so that its PID 1
 * releases the card, and waits for it. The agent is out of reach: its socket speaks to
 * the main process only. False where the VM is still there.
 */
static bool press_button(
    const struct priv_server *s, const struct vm_record *v, int watch)
{
	const struct vmm_ops *vmm = vmm_find(v->vmm);
	struct pollfd p = {.fd = watch, .events = POLLIN};
	int AUTO_CLOSE monitor = -1;
	struct err e = ERR_INIT;

	if (vmm == NULL)
		return false;
	if (vmm->powerdown != NULL) {
		monitor = unix_connect(vmm_sock_names[VMM_SOCK_MONITOR], &e);
		if (monitor < 0 || vmm->powerdown(monitor, &e) < 0)
			goto failed;
	} else if (proc_signal(watch, v->pid, SIGTERM, &e) < 0) {
		goto failed;
	}
	return poll(&p, 1, (int)s->c.stop_timeout_s * 1000) == 1;
failed:
	log_warn("process %d: power button: %s", (int)v->pid, e.msg);
	return false;
}

/* A VMM that is not of this configuration's card, tap and kind can not be run on:
 * it is ended, cleanly if it still listens, and what it used is put back. */
static int clear_record(
    struct priv_server *s, const struct vm_record *v, int watch, struct err *e)
{
	struct err step = ERR_INIT;
	int ret = 0;

	if (watch >= 0) {
		struct pollfd p = {.fd = watch, .events = POLLIN};

		log_warn(
		    "process %d runs a VM of another configuration: ended", (int)v->pid);
		if (press_button(s, v, watch))
			log_info("process %d: it released its card", (int)v->pid);
		else if (proc_signal(watch, v->pid, SIGKILL, &step) < 0 &&
			 step.code != ERR_NOT_RUNNING)
			collect(&ret, -1, e, &step);
		else if (poll(&p, 1, 10000) != 1)
			ret = err_set(
			    e, ERR_TIMEOUT, "process %d: it does not end", (int)v->pid);
	}
	if (ret == 0)
		collect(&ret, clean_up(s, vmm_find(v->vmm), &step), e, &step);
	if (ret == 0)
		collect(&ret, s->os->tap_destroy(v->interface, s->c.instance, &step), e,
		    &step);
	if (ret == 0 && v->card.kind == CARD_PCI)
		collect(&ret, s->os->card_release(&v->card, &v->claim, &step), e, &step);
	if (ret == 0)
		remove_files();
	return ret;
}

static int adopt(
    struct priv_server *s, const struct vm_record *v, int watch, struct err *e)
{
	if (if_watch(&s->tap_watch, e) < 0)
		return -1;
	s->vm_pid = v->pid;
	s->vm_child = false;
	s->vm_watch = watch;
	s->claim = v->claim;
	s->prepared = true;
	snprintf(s->image.id, sizeof(s->image.id), "%s", v->image);
	s->image_tried = true; /* for all that we know */
	log_info("adopted the VM of a former bhyfid: process %d", (int)v->pid);
	return 0;
}

/* It was suspended, and stays so; the tap went with it, or is one that we make anew. */
static void adopt_suspended(struct priv_server *s, const struct vm_record *v)
{
	struct err e = ERR_INIT;

	s->claim = v->claim;
	s->parked = true;
	s->prepared = make_tap(s, &e) == 0;
	if (!s->prepared)
		log_warn("%s", e.msg);
	log_info("suspended by a former bhyfid");
}

static int do_adopt(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	struct vm_record v;
	struct err damaged = ERR_INIT;
	int got, watch = -1;
	bool same;

	(void)r;
	if (s->prepared)
		return out_of_order("adopt", "something is prepared", e);
	got = vm_record_read(&v, &damaged);
	if (got < 0) {
		log_error("%s", damaged.msg);
		remove_files();
	}
	/* Without a record none of ours runs: it is written before the VMM is. */
	if (got == 0 && clean_up(s, s->vmm, e) < 0)
		return -1;
	if (got <= 0)
		return s->os->tap_destroy(s->c.interface, s->c.instance, e);
	same = strcmp(v.vmm, s->c.vmm) == 0 && strcmp(v.interface, s->c.interface) == 0 &&
	       memcmp(&v.card, &s->c.card, sizeof(v.card)) == 0;
	if (is_alive(&v, &watch) && same) {
		if (adopt(s, &v, watch, e) < 0) {
			close(watch);
			return -1;
		}
		reply->pid = v.pid;
		reply->value = v.config == config_hash(&s->c) ? 1 : 2;
		return 0;
	}
	if (v.suspended && same && watch < 0) {
		adopt_suspended(s, &v);
		reply->value = 3;
		return 0;
	}
	got = clear_record(s, &v, watch, e);
	if (watch >= 0)
		close(watch);
	if (got == 0 && v.suspended) {
		/* Of another configuration: nothing of it is kept. */
		s->parked = true;
		got = vm_record_put(s, 0, "", e);
		reply->value = 3;
	}
	return got;
}

static const struct action actions[] = {
    {PRIV_PREPARE, "prepare", do_prepare},
    {PRIV_VM_START, "vm-start", do_vm_start},
    {PRIV_VM_SIGNAL, "vm-signal", do_vm_signal},
    {PRIV_TAP_MAC, "tap-mac", do_tap_mac},
    {PRIV_TAP_CARRIER, "tap-carrier", do_tap_carrier},
    {PRIV_NETWORKS, "networks", do_networks},
    {PRIV_AP_CONF, "ap-conf", do_ap_conf},
    {PRIV_SECRET, "secret", do_secret},
    {PRIV_CONFIG, "config", do_config},
    {PRIV_CHANNEL, "channel", do_channel},
    {PRIV_RELEASE, "release", do_release},
    {PRIV_SUSPEND, "suspend", do_suspend},
    {PRIV_IMAGE, "image", do_image},
    {PRIV_ADOPT, "adopt", do_adopt},
};
_Static_assert(ARRAY_LEN(actions) == PRIV_ADOPT + 1, "an action lacks its row");

int priv_serve_one(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e)
{
	static const uint8_t zero[6];

	*reply = (struct priv_reply){.fd = -1};
	if (r->op >= ARRAY_LEN(actions))
		return err_set(e, ERR_USAGE, "action %u: there is none", r->op);
	const struct action *a = &actions[r->op];
	/* What an action does not take has to be zero. */
	if ((r->op != PRIV_TAP_MAC && memcmp(r->mac, zero, sizeof(zero)) != 0) ||
	    (r->op != PRIV_VM_SIGNAL && r->op != PRIV_TAP_CARRIER &&
		r->op != PRIV_CONFIG && r->op != PRIV_CHANNEL && r->op != PRIV_IMAGE &&
		r->arg != 0) ||
	    r->zero[0] != 0 || r->zero[1] != 0)
		return err_set(e, ERR_USAGE, "%s: expected no such argument", a->name);
	log_debug("priv: %s", a->name);
	return a->run(s, r, reply, e);
}
