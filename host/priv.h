/*
 * The privileged part of bhyfid and its closed list of actions.
 *
 * priv_split() forks: the parent stays root and serves, the child becomes the
 * unprivileged main process and gets a handle. A request names an action and
 * carries at most a MAC address or a small number; what it acts on is in the
 * parent's own copy of the configuration. The parent exits when main is gone
 * (leaving VM and tap for the next bhyfid to adopt, unless PRIV_CLEAR was done).
 */
#ifndef BHYFI_PRIV_H
#define BHYFI_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "err.h"
#include "os/os.h"
#include "vmm/vmm.h"

enum priv_op {
	PRIV_PREPARE,   /* claim card, make tap; all or nothing */
	PRIV_VM_START,  /* bind sockets, start; makes the tap anew where it went. -> pid.
			   ERR_USAGE before PRIV_PREPARE */
	PRIV_VM_SIGNAL, /* arg: SIGTERM or SIGKILL, to the VM only */
	PRIV_TAP_MAC,   /* mac */
	PRIV_TAP_CARRIER, /* arg: 0, 1 */
	PRIV_NETWORKS,    /* -> fd of the networks file, read-only */
	PRIV_AP_CONF,     /* -> fd of the access point's file, read-only */
	PRIV_SECRET,      /* -> fd of the host's secret, read-only; see mac.h */
	PRIV_CONFIG,  /* arg 0: reads the configuration again. What can change while the
			 VM runs holds from now on -> fd of the struct config; value
			 1: the rest has changed, too, and waits for the next start.
			 arg 1: back to the one before, whose files were better */
	PRIV_CHANNEL, /* arg: VMM_SOCK_AGENT or _CONSOLE -> fd of the host's end of the
			 VM's serial port, where the VMM serves no sockets */
	PRIV_RELEASE, /* VM must be gone: clean up after it, tap away, card back */
	PRIV_SUSPEND, /* VM must be gone: clean up after it, carrier off. Tap and card
			 stay ours, and on record as suspended; PRIV_PREPARE follows,
			 which looks whether the card is still there, or PRIV_RELEASE */
	PRIV_IMAGE,   /* arg: enum image_word, about the image that was started -> fd of a
			 struct image_report as things stand then; value 1: the links
			 have changed, after a fault so that another image is next */
	PRIV_ADOPT,   /* what a former bhyfid left: -> value 0 nothing or only rubbish,
			 which is cleared; 1 its VM runs and was adopted (pid), as if
			 prepared and started here; 2 the same, but it was started from
			 another configuration: stop and start it anew; 3 it was
			 suspended: as if suspended here */
};

#define IMAGE_ID_MAX 208

/* Texts are "" where there is nothing. */
struct image_report {
	char id[IMAGE_ID_MAX], kernel[128]; /* that was started last */
	char candidate[IMAGE_ID_MAX];       /* is tried at the next start */
	char good[IMAGE_ID_MAX];            /* the last that proved itself */
	char refused[IMAGE_ID_MAX];         /* that was fallen back from, and why */
	char why[ERR_MSG_MAX];
};

struct priv;

struct priv_reply {
	pid_t pid;
	int64_t value;
	int fd; /* -1, or the caller's to close */
};

enum priv_event_kind {
	PRIV_EVENT_VM_EXIT,
	PRIV_EVENT_TAP_GONE, /* somebody deleted it; the VM runs on without */
};

struct priv_vm_event {
	enum priv_event_kind kind;
	pid_t pid; /* VM_EXIT only, as the next two */
	int32_t wait_status;
	int32_t reason; /* enum vm_exit */
};

/*
 * Called as root (or as the one user of a user namespace), after the lock is
 * held. RUN/INSTANCE exists, is ours and others can not write it. In the parent it
 * never returns (it exits with 0 after main did so, else 1); descriptors other
 * than keep_fds (the lock) stay open there, and it forwards SIGTERM, SIGINT and
 * SIGHUP to main. In the child: the handle, running as config->user, chrooted to
 * RUN/INSTANCE, without capabilities; keep_fds (-1 terminated) stay open.
 *
 * Log lines of the parent, and the VMM's standard error, arrive in main's log
 * through priv_event().
 */
struct priv *priv_split(const struct config *c, const int *keep_fds, struct err *e);

/* Synchronous; the reply's error is passed on. reply may be NULL. */
int priv_call(struct priv *p, enum priv_op op, int32_t arg, const uint8_t mac[6],
    struct priv_reply *reply, struct err *e);

/* An op whose answer is a descriptor: the caller's. value may be NULL. */
int priv_open(
    struct priv *p, enum priv_op op, int32_t arg, int32_t *value, struct err *e);

/* Becomes readable when there is an event or a log line, or priv is gone. */
int priv_event_fd(const struct priv *p);
/* 1: event filled, 0: none waiting, -1: priv is gone. Call until it returns 0; logs
 * the parent's lines on the way. */
int priv_event(struct priv *p, struct priv_vm_event *ev, struct err *e);

void priv_free(struct priv *p);

/*
 * Fills a spec for `plan` and for the start from configuration and image. Strings
 * point into img; descriptors are -1. The MAC addresses follow from the instance's
 * name.
 */
struct image;
int vm_spec_init(
    struct vm_spec *s, const struct config *c, const struct image *img, struct err *e);

/* The image that the next start would take, without a look at its signature; nothing
 * (img all zero, 0) where the VMM needs none. image_close in either case. */
int priv_image_open(const struct config *c, struct image *img, struct err *e);
/* The same with a signature that is trusted: what a start would begin with. The files are
 * checked at the start itself. */
int priv_image_check(const struct config *c, struct image *img, struct err *e);

/* The steps of up and down on this host as commands, for `bhyfi plan`; out gets one
 * step per line. */
int priv_plan(const struct config *c, FILE *out, struct err *e);

#endif
