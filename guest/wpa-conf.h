/* The supplicant's configuration file, made of the host's text. */
#ifndef BHYFI_GUEST_WPA_CONF_H
#define BHYFI_GUEST_WPA_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define WPA_CONF_MAX (60 * 1024)

/*
 * Makes the configuration for a control socket in ctl_dir: the host's text
 * without the global settings that are the guest's own (ctrl_interface,
 * update_config) or that would load code into the supplicant, and with our defaults
 * (background scan) behind it where the text says nothing of them. *out is fresh, to
 * be wiped and freed by the caller.
 */
int wpa_conf_make(
    const char *networks, const char *ctl_dir, char **out, size_t *len, struct err *e);

/*
 * Ways of key management that the supplicant at hand was built without, as Alpine's is
 * without 802.11r. It refuses the whole file for the mere name of one.
 */
#define WPA_LACKS_MAX 8
#define WPA_LACK_SIZE 32

struct wpa_lacks {
	char words[WPA_LACKS_MAX][WPA_LACK_SIZE];
	size_t n;
};

/* Remembers what a line of the supplicant's output says that it does not know; false: it
 * says no such thing, or what is known already. */
bool wpa_lacks_learn(struct wpa_lacks *l, const char *line);

/* Takes them out of the networks that offer another way as well, in place, with the lines
 * where they are; false: there is none to take. */
bool wpa_lacks_apply(const struct wpa_lacks *l, char *conf, size_t *len);

#endif
