/* Why there is no radio. */
#ifndef BHYFI_GUEST_RADIO_WHY_H
#define BHYFI_GUEST_RADIO_WHY_H

#include <stdbool.h>
#include <stddef.h>

/* One line from what the kernel shows: devices, drivers, its messages. Returns the word
 * for the host: "no-card", "no-driver", "no-firmware", "no-interface". */
const char *radio_why_not(char *dst, size_t size);

/* The text of a /dev/kmsg record if it speaks of firmware that could not be had.
 * Cuts the record at the end of its first line. */
const char *radio_why_firmware(char *record);

#endif
