/*
 * An instance's configuration: ETC/INSTANCE.conf, read with inih, one table of
 * keys (config.c) from which the man page bhyfi.conf(5) is made too.
 */
#ifndef BHYFI_CONFIG_FILE_H
#define BHYFI_CONFIG_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "conffile.h"
#include "err.h"
#include "forward.h"
#include "log.h"
#include "mac.h"

#define INSTANCE_MAX 16 /* [a-z0-9][a-z0-9_-]*, at most 15 bytes */
#define IFNAME_MAX 16

enum path_mode {
	MODE_CLONE,
	MODE_WDS,
	MODE_MACNAT,
	MODE_AP,
	MODE_NAT,
	MODE_AUTO, /* wds or clone */
};

enum card_kind {
	CARD_SIM,
	CARD_PCI,
};

struct card_id {
	enum card_kind kind;
	char scenario[16];                    /* CARD_SIM */
	unsigned domain, bus, slot, function; /* CARD_PCI */
};

struct config {
	char instance[INSTANCE_MAX];
	struct card_id card;
	enum path_mode mode;
	char
	    networks[PATH_MAX]; /* wpa_supplicant.conf; default ETC/wpa_supplicant.conf */
	char access_point[PATH_MAX]; /* hostapd.conf for mode ap */
	char image[PATH_MAX];        /* folder; default DB/images/current */
	char vmm[16];                /* qemu, bhyve, fake: a name in the vmm table */
	char accel[8];               /* auto, kvm, tcg */
	char qemu[PATH_MAX];         /* the program */
	char bhyve[PATH_MAX];        /* the program; as all of bhyve's, under sysroot */
	char firmware[PATH_MAX];     /* UEFI's code, beside its variables */
	char sysroot[PATH_MAX];      /* of another host's programs; "": the host's own */
	unsigned memory_mib, cpus;
	char interface[IFNAME_MAX]; /* the tap; default bhyfi0 with QEMU, tap0 with bhyve
				     */
	unsigned mtu;
	char country[3]; /* "" : not set */
	struct mac_policy mac;
	struct forwards forwards;   /* mode nat */
	char subnet[SUBNET_TEXT];   /* the hosts', a /24, in mode nat; "": any */
	char user[32], vm_user[32]; /* names or numbers */
	char control_group[32];     /* may use the control socket; "" : root only */
	char wpa_group[32];         /* may use wpa/wlan0; "" : control_group */
	unsigned boot_timeout_s;    /* VM start to agent */
	unsigned stop_timeout_s;    /* clean release, then power button, then kill */
	unsigned suspend_timeout_s; /* all of that before the host sleeps */
	unsigned beat_s;
	unsigned restarts; /* in a row, then failed */
	enum log_level log_level;
};

/* Whether a name is one: [a-z0-9][a-z0-9_-]*, at most 15 bytes. */
bool config_instance_valid(const char *instance);
/* The instance, "home", of a file name "home.conf"; false where that is none. */
bool config_instance_of(const char *file, char out[INSTANCE_MAX]);

/* Defaults for an instance; e (ERR_USAGE) for a name that is none. */
int config_init(struct config *c, const char *instance, struct err *e);

/* Takes another VMM, and with it other defaults: those values that are the former one's
 * change. vmm is a name in the vmm table. */
void config_set_vmm(struct config *c, const char *vmm);

/*
 * Reads ETC/INSTANCE.conf over the defaults. Errors give file, line, key and
 * what was expected, with ERR_FAILED (ERR_PRECONDITION where the file is
 * missing, with the hint how to make one). A file that others than root (or its
 * owner, ourselves) can write is refused.
 */
int config_load(struct config *c, const char *instance, struct err *e);

/* The same from an open stream; name stands in errors. For tests and `-n`. */
int config_parse(struct config *c, FILE *f, const char *name, struct err *e);

/* "sim:wpa2", "pci0:3:0:0" (domain:bus:slot:function, decimal as pciconf says)
 * or "0000:03:00.0" (as lspci says). */
int card_id_parse(const char *text, struct card_id *card, struct err *e);
#define CARD_TEXT_SIZE 40
void card_id_text(const struct card_id *card, char out[CARD_TEXT_SIZE]);

const char *mode_name(enum path_mode mode);

/*
 * A user as configured: a name of the password database, or a number, which
 * needs no entry there (its group is then the same number). Root is refused.
 */
int config_resolve_user(const char *user, uid_t *uid, gid_t *gid, struct err *e);
/* The same for a group. */
int config_resolve_group(const char *group, gid_t *gid, struct err *e);

/* Takes over from fresh what can change while the VM runs: mode, mac, country, forward,
 * subnet, log_level and the paths of networks and access point. True where fresh has
 * nothing else. */
bool config_take(struct config *c, const struct config *fresh);

/* Of the instance's name and the configuration, but for what config_take takes: tells
 * whether a VM that runs was started from the same one. */
uint64_t config_hash(const struct config *c);
/* FNV-1a over text, continued from hash (CONFIG_HASH_INIT at first). Names and MAC
 * addresses that are derived from an instance's name use it. */
#define CONFIG_HASH_INIT UINT64_C(0xcbf29ce484222325)
uint64_t config_hash_text(uint64_t hash, const char *text);

/* The keys with defaults and help, as mdoc list items. */
void config_print_mdoc(FILE *out);

#endif
