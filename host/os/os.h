/*
 * What the host's operating system does for us: cards, pass-through, taps. One room
 * of files per OS, behind a table of operations.
 *
 * Another system's operations can be chosen too: FreeBSD's go through that
 * system's own programs, so they print as a plan and run against doubles of those
 * programs on Linux, under the folder os_root(). What is asked of the kernel that we
 * run on directly is in native.h.
 */
#ifndef BHYFI_OS_H
#define BHYFI_OS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../config.h"
#include "err.h"
#include "pci.h"

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
	struct pci_facts pci;
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
	/* What card_claim will do, so that it can be on record before: changes nothing,
	 * and refuses a card that can not be claimed, or is in use. Simulated cards
	 * are not passed to any of the three. */
	int (*card_examine)(
	    const struct card_id *id, struct card_claim *claim, struct err *e);
	/* Binds the pass-through driver; vm_uid may open the device afterwards. On
	 * failure the card is as it was. claim is card_examine's. */
	int (*card_claim)(const struct card_id *id, uid_t vm_uid,
	    const struct card_claim *claim, struct err *e);
	/* Puts the former driver back. No error: a card that is gone, or one that has
	 * been put back already or never was claimed after it was examined. */
	int (*card_release)(
	    const struct card_id *id, const struct card_claim *claim, struct err *e);

	/* Makes the tap, down, carrier off, mtu set; *fd for the VMM (-1 where the VMM
	 * opens it by name). An interface of that name that is not a tap of ours
	 * is an error; a left-over of ours is taken down first. */
	int (*tap_create)(const struct config *c, int *fd, struct err *e);
	int (*tap_set_mac)(const char *ifname, const uint8_t mac[6], struct err *e);
	/* Up or unplugged as seen by the host's network programs; also brings the
	 * interface administratively up on the first carrier. */
	int (*tap_carrier)(const char *ifname, bool on, struct err *e);
	/* What else the host needs each time that it is plugged in, a DHCP client started
	 * anew: may take long, tap_carrier may not. NULL: nothing, its own programs
	 * watch the carrier. */
	int (*tap_renew)(const char *ifname, struct err *e);
	/* Removes a tap of the instance's; another one's is an error, none is not. */
	int (*tap_destroy)(const char *ifname, const char *instance, struct err *e);
	/* The host is about to sleep, and the VM that had a PCI card is gone. NULL:
	 * nothing to do. */
	int (*before_sleep)(struct err *e);
	/* The step as commands that a shell would run, one a line. */
	void (*plan)(const struct config *c, enum os_step step, uid_t vm_uid, FILE *out);
};

/*
 * Chooses the operations for this process: name NULL is the system that we run on.
 * root is the folder under which the system's programs and files are looked for, ""
 * for the real ones; it is kept. ERR_USAGE for a name that is none and for a root
 * that is not absolute. os_select may be called again.
 */
int os_select(
    const char *name, const char *root, const struct os_ops **os, struct err *e);
/* Whether the name is that of the system that we run on. */
bool os_is_native(const char *name);
/* Those that a configuration asks for by its vmm and sysroot; NULL with e filled. */
const struct os_ops *os_for(const struct config *c, struct err *e);

/* "" or "/some/folder": no slash at the end. */
const char *os_root(void);
/* os_root() and a path of that system's, as one; ERR_FAILED where it does not fit. */
int os_path(char *buf, size_t size, const char *path, struct err *e);

/* cmd_run() of a program of that system: argv[0] is its path there. Nothing of our own
 * environment, as rc(8) starts what it starts: opts' env and cwd are not heeded. */
struct cmd_opts;
int os_run(const char *const argv[], const struct cmd_opts *opts, char **out, int *status,
    struct err *e);

#endif
