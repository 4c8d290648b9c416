/* The supplicant's configuration file, made of the host's text. */
#ifndef BHYFI_GUEST_WPA_CONF_H
#define BHYFI_GUEST_WPA_CONF_H

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

#endif
