/* The object of `bhyfi status --json`. */
#ifndef BHYFI_STATUS_H
#define BHYFI_STATUS_H

#include <jansson.h>
#include <sys/types.h>

#include "config.h"
#include "machine.h"
#include "os/native.h"
#include "priv.h"
#include "record.h"

/* All borrowed. */
struct status_input {
	const struct config *config;
	enum path_mode mode; /* that is used */
	const struct machine *machine;
	const struct record *record;
	const struct host_if *host_if;
	const struct image_report *image;
	const char *card_name;
	pid_t vm_pid; /* 0: none */
	int64_t now_ms;
};

/* A new reference, NULL without memory. What is not known is null. */
json_t *status_json(const struct status_input *in);

#endif
