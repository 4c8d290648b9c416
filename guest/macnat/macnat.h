/*
 * What macnat's programs in the kernel (macnat.bpf.c) share with the agent that loads
 * them and with the tests.
 */
#ifndef BHYFI_GUEST_MACNAT_H
#define BHYFI_GUEST_MACNAT_H

#include <linux/types.h>

/* Each host has an IPv4 address and about four IPv6 addresses. The kernel hands out a
 * table's free places in lots of 128 for each processor and begins to evict before the
 * last one is taken: therefore 1024 more than are promised. */
#define MACNAT_HOSTS 1024
#define MACNAT_TABLE4 (MACNAT_HOSTS + 1024)
#define MACNAT_TABLE6 (4 * MACNAT_HOSTS + 1024)

/* Time is counted in ticks of 2^30 ns (1.07 s). */
#define MACNAT_TICK_SHIFT 30
#define MACNAT_TICKS(s) ((__u32)((s)*1000000000ull >> MACNAT_TICK_SHIFT))
/* An address that its host used within this time is not given to another one. */
#define MACNAT_HOLD_S 60
/* A host that sent nothing from an address for so long does not have it any more. */
#define MACNAT_AGE_S 3600

/* 2-aligned, as in a frame whose network header is 4-aligned. */
struct mac {
	__u16 word[3];
};

struct macnat_address6 {
	__u32 word[4];
};

struct macnat_host {
	struct mac mac;
	__u16 zero;
	__u32 seen; /* the tick at which it last sent */
};

struct macnat_config {
	struct mac mac;        /* the radio's */
	__u32 host_if, air_if; /* where frames go: interfaces' numbers */
};

/* Counters; each frame is counted by exactly one of those up to the last DROP. */
enum macnat_count {
	MACNAT_OUT,   /* from a host into the air */
	MACNAT_IN,    /* from the air to one host */
	MACNAT_GROUP, /* from the air to a group of them, or to all */
	MACNAT_KEPT,  /* EAPOL: left to the supplicant */
	MACNAT_DROP_SHORT,
	MACNAT_DROP_MALFORMED,
	MACNAT_DROP_TAGGED,    /* with a VLAN's tag */
	MACNAT_DROP_TYPE,      /* neither IPv4, IPv6 nor ARP */
	MACNAT_DROP_SOURCE,    /* from an address that no host can have */
	MACNAT_DROP_CONFLICT,  /* from an address that another host has */
	MACNAT_DROP_HAIRPIN,   /* from a host to the radio's own address */
	MACNAT_DROP_REDIRECT,  /* ICMPv6 redirect from a host */
	MACNAT_DROP_REFLECTED, /* our own, back from the air */
	MACNAT_DROP_FOREIGN,   /* from the air to another station */
	MACNAT_DROP_UNKNOWN,   /* from the air to an address that no host has */
	MACNAT_LEARNED,        /* addresses, not frames: new ones */
	MACNAT_MOVED,          /* from one host to another */
	MACNAT_COUNTS
};

#endif
