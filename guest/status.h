/* How the guest itself does: memory, CPU, kernel. */
#ifndef BHYFI_GUEST_STATUS_H
#define BHYFI_GUEST_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct cpu_sample {
	uint64_t busy, total; /* ticks, all CPUs */
};

/* "MemTotal:  123 kB" out of /proc/meminfo; -1 where it is not. */
int64_t status_meminfo(const char *text, const char *key);

/* The first line of /proc/stat. */
bool status_cpu(const char *text, struct cpu_sample *s);

/* An object for `guest` in a status; *last is the sample before, and updated. */
json_t *status_guest(struct cpu_sample *last);

/* Milliseconds since the kernel started. */
int64_t status_boot_ms(void);

#endif
