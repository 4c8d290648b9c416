/* What the host's operating system does for us; one file per OS. */
#ifndef BHYFI_OS_H
#define BHYFI_OS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../config.h"
#include "err.h"

#define CARDS_MAX 16

struct card {
	struct card_id id;
	uint16_t vendor, device;
	char name[96]; /* "Intel Corporation Wi-Fi 6 AX200", as the OS or pci.ids knows it
			*/
	char driver[32];         /* bound now; "" none */
	char ifname[IFNAME_MAX]; /* its interface on the host now; "" none */
	bool passable;
	char why[160];   /* why not, or what to heed */
	int iommu_group; /* -1: none */
};

struct card_list {
	struct card cards[CARDS_MAX];
	size_t n;
};

/* What has to be put back at release; kept in RUN/INSTANCE/vm.json. */
struct card_claim {
	bool claimed;
	char former_driver[32];
};

#define HOST_ADDRS_MAX 16
struct host_if {
	bool exists, carrier, up;
	uint8_t mac[6];
	char addrs[HOST_ADDRS_MAX][48]; /* "192.0.2.61/24", "2001:db8::1/64" */
	size_t naddrs;
};

/* What `plan` shows. */
enum os_step {
	OS_STEP_PREPARE, /* the card claimed, the tap made */
	OS_STEP_ONLINE,  /* the tap gets its MAC address and is plugged in */
	OS_STEP_RELEASE, /* the tap away, the card back */
};

struct os_ops {
	const char *name; /* "linux", "freebsd" */

	/* Wireless PCI devices (class 0x0280xx). */
	int (*cards)(struct card_list *l, struct err *e);
	/* Binds the pass-through driver; vm_uid may open the device afterwards. On
	 * failure the card is as it was. Simulated cards are not passed here. */
	int (*card_claim)(const struct card_id *id, uid_t vm_uid,
	    struct card_claim *claim, struct err *e);
	/* Puts the former driver back. A card that is gone is no error. */
	int (*card_release)(
	    const struct card_id *id, const struct card_claim *claim, struct err *e);

	/* Makes the tap, down, carrier off, mtu set; *fd for the VMM (-1 where the VMM
	 * opens it by name). An interface of that name that is not a tap of ours
	 * is an error; a left-over of ours is taken down first. */
	int (*tap_create)(const struct config *c, int *fd, struct err *e);
	/* A descriptor that becomes readable when an interface came, went or changed;
	 * tap_gone then reads it empty and tells whether ifname is gone. */
	int (*tap_watch)(int *fd, struct err *e);
	bool (*tap_gone)(int watch, const char *ifname);
	int (*tap_set_mac)(const char *ifname, const uint8_t mac[6], struct err *e);
	/* Up or unplugged as seen by the host's network programs; also brings the
	 * interface administratively up on the first carrier. */
	int (*tap_carrier)(const char *ifname, bool on, struct err *e);
	/* Removes a tap of the instance's; another one's is an error, none is not. */
	int (*tap_destroy)(const char *ifname, const char *instance, struct err *e);
	int (*host_if)(const char *ifname, struct host_if *i, struct err *e);

	/* A descriptor that becomes readable when the process has exited; the process
	 * need not be a child. ERR_NOT_RUNNING where there is none. */
	int (*proc_watch)(pid_t pid, int *fd, struct err *e);
	/* Tells a process from a later one of the same pid: its start time. */
	int (*proc_start)(pid_t pid, uint64_t *start, struct err *e);

	/* Signals the process behind a proc_watch descriptor: never a later one of the
	 * same pid. */
	int (*proc_signal)(int watch, pid_t pid, int sig, struct err *e);

	/* Whether we may become another user: false in a user namespace that holds
	 * only ours. */
	bool (*can_switch_user)(uid_t uid);
	/* 0 where a process of that user could use KVM; *group is a group that it needs
	 * beside gid, or -1. May be NULL. */
	int (*kvm_usable)(uid_t uid, gid_t gid, gid_t *group, struct err *e);

	/* Confines the child before it drops root and becomes the VMM: empty network
	 * namespace, no new privileges, limits. */
	int (*vmm_confine)(const struct config *c, struct err *e);
	/* Gives up all of root's powers without a change of user: where there is no other
	 * one (can_switch_user). */
	int (*drop_capabilities)(struct err *e);
	/* Confines bhyfid main, last thing before its loop: capabilities, dumpable. */
	int (*main_confine)(struct err *e);

	/* The step as commands that a shell would run, one a line. */
	void (*plan)(const struct config *c, enum os_step step, uid_t vm_uid, FILE *out);
};

const struct os_ops *os_host(void); /* the one that we run on */
const struct os_ops *os_find(const char *name);

#endif
