/* What the host wants of the guest: the `config` message, checked. */
#ifndef BHYFI_GUEST_SETTINGS_H
#define BHYFI_GUEST_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"
#include "log.h"

struct settings {
	char mode[16];
	char *networks;  /* secret; ours */
	char country[3]; /* "" : the driver's */
	uint8_t mac[6];
	bool has_mac; /* the radio is to use mac */
	int mtu;      /* 0: as it is */
	int beat_ms;
	enum log_level log;
};

/* An error names the member that is wrong. */
int settings_parse(const json_t *o, struct settings *s, struct err *e);
/* Wipes what is secret. */
void settings_free(struct settings *s);
bool settings_equal(const struct settings *a, const struct settings *b);

#endif
