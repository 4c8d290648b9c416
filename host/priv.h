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
	PRIV_PREPARE,      /* claim card, make tap, bind sockets; all or nothing */
	PRIV_VM_START,     /* -> pid */
	PRIV_VM_SIGNAL,    /* arg: SIGTERM or SIGKILL, to the VM only */
	PRIV_TAP_MAC,      /* mac */
	PRIV_TAP_CARRIER,  /* arg: 0, 1 */
	PRIV_NETWORKS,     /* -> fd of the networks file, read-only */
	PRIV_RELEASE,      /* VM must be gone: clean up after it, tap away, card back */
	PRIV_ADOPT,        /* what a former bhyfid left: -> value 1 VM runs and was adopted, 0
			      nothing or only rubbish, which is cleared */
};

struct priv;

struct priv_reply {
	pid_t pid;
	int64_t value;
	int fd; /* -1, or the caller's to close */
};

struct priv_vm_event {
	pid_t pid;
	int32_t wait_status;
	int32_t reason; /* enum vm_exit */
};

/*
 * Called as root (or as the one user of a user namespace), after the lock is
 * held. RUN/INSTANCE exists. In the parent it never returns (it exits with 0
 * after main did so, else 1). In the child: the handle, running as
 * config->user, chrooted to RUN/INSTANCE, without capabilities. keep_fds (-1
 * terminated) stay open in main.
 */
struct priv *priv_split(const struct config *c, const int *keep_fds, struct err *e);

/* Synchronous; the reply's error is passed on. reply may be NULL. */
int priv_call(struct priv *p, enum priv_op op, int32_t arg, const uint8_t mac[6],
    struct priv_reply *reply, struct err *e);

/* Becomes readable when the VM exited or priv is gone. */
int priv_event_fd(const struct priv *p);
/* 1: event filled, 0: none waiting, -1: priv is gone. */
int priv_event(struct priv *p, struct priv_vm_event *ev, struct err *e);

/* Fills a spec for `plan` and for the start from configuration and image. Strings
 * point into img; descriptors are -1. */
struct image;
int vm_spec_init(struct vm_spec *s, const struct config *c, const struct image *img,
    struct err *e);

/* The steps of up and down on this host as commands, for `bhyfi plan`; out gets one
 * step per line. */
int priv_plan(const struct config *c, FILE *out, struct err *e);

#endif
