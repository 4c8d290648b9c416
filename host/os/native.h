/*
 * What is asked of the kernel that we run on, without any program between:
 * interfaces as they are, processes, confinement. linux-*.c or freebsd-native.c;
 * one of them is linked. Whose card and tap it is decides os.h.
 */
#ifndef BHYFI_OS_NATIVE_H
#define BHYFI_OS_NATIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../config.h"
#include "err.h"

#define HOST_ADDRS_MAX 16
struct host_if {
	bool exists, carrier, up;
	bool counts;                 /* the two below are known */
	uint64_t rx_bytes, tx_bytes; /* as the host sees it: rx is the way down */
	uint8_t mac[6];
	char addrs[HOST_ADDRS_MAX][48]; /* "192.0.2.61/24", "2001:db8::1/64" */
	size_t naddrs;
};

/* The interface as it is now; one that does not exist is no error. Works without any
 * right and in a chroot. */
int host_if(const char *ifname, struct host_if *i, struct err *e);

/* A descriptor that becomes readable when an interface came, went or changed;
 * if_watch_gone then reads it empty and tells whether ifname is gone. */
int if_watch(int *fd, struct err *e);
bool if_watch_gone(int watch, const char *ifname);

/* A descriptor that becomes readable when an address came or went, or perhaps then; it
 * does not block and is the caller's to close. */
int address_watch(struct err *e);

/* A descriptor that becomes readable when the process has exited; the process need
 * not be a child. ERR_NOT_RUNNING where there is none. */
int proc_watch(pid_t pid, int *fd, struct err *e);
/* Tells a process from a later one of the same pid: its start time. */
int proc_start(pid_t pid, uint64_t *start, struct err *e);
/* Signals the process behind a proc_watch descriptor: never a later one of the
 * same pid. */
int proc_signal(int watch, pid_t pid, int sig, struct err *e);

/* Whether we may become another user: false in a user namespace that holds only
 * ours. */
bool can_switch_user(uid_t uid);
/* 0 where a process of that user could use KVM; *group is a group that it needs
 * beside gid, or -1. */
int kvm_usable(uid_t uid, gid_t gid, gid_t *group, struct err *e);

/* Confines the child before it drops root and becomes the VMM: empty network
 * namespace, no new privileges, limits. A VMM that keeps root and opens its own
 * devices (bhyve) is not passed here. */
int vmm_confine(const struct config *c, struct err *e);
/* Gives up all of root's powers without a change of user: where there is no other
 * one (can_switch_user). */
int drop_capabilities(struct err *e);
/* Confines bhyfid main, last thing before its loop: capabilities, dumpable. */
int main_confine(struct err *e);

#endif
