/* Who uses the guest's memory. */
#ifndef BHYFI_AIR_MEMINFO_H
#define BHYFI_AIR_MEMINFO_H

#include <jansson.h>
#include <sys/types.h>

#include "err.h"

/* {"total_kib":..,"available_kib":..,"processes":[{"pid","name","rss_kib","pss_kib"}]}
 * without kernel threads; NULL with e filled. */
json_t *meminfo(struct err *e);

/* The first process of this name (/proc/PID/comm), 0 without one. */
pid_t process_find(const char *comm);

#endif
