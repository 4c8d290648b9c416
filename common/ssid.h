/*
 * SSIDs and other strings as wpa_supplicant, hostapd and their files write them. An
 * SSID is up to 32 bytes of any value, a text only by luck.
 */
#ifndef BHYFI_SSID_H
#define BHYFI_SSID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSID_MAX 32 /* IEEE 802.11, 9.4.2.2 */
#define SSID_HEX_SIZE (2 * SSID_MAX + 1)
/* Of ssid_value_text: two quotation marks, or hex digits. */
#define SSID_VALUE_SIZE (2 * SSID_MAX + 3)

/*
 * Undoes printf escapes: \\ \" \n \r \t \e, \xN, \xNN, and up to three octal digits.
 * Returns how many bytes it wrote, -1 where an escape is none or more than size would
 * be needed.
 */
int ssid_unescape(const char *s, size_t len, uint8_t *out, size_t size);

/* The same for what a supplicant printed: an escape that is none stands for its
 * letter, and what does not fit is cut off. */
size_t ssid_unescape_loose(const char *s, size_t len, uint8_t *out, size_t size);

/* An even number of hex digits, at least two. -1 where it is none, or longer. */
int ssid_unhex(const char *s, size_t len, uint8_t *out, size_t size);

/* In lower case; out has room for 2 * len + 1. */
void ssid_hex(const uint8_t *ssid, size_t len, char *out);

/*
 * A value of wpa_supplicant.conf that is a string: "text" up to the last quotation
 * mark, P"text with escapes", or hex digits. Returns its length, -1 if it is none of
 * these or longer than size.
 */
int ssid_value(const char *value, uint8_t *out, size_t size);

/* An SSID as such a value: in quotes where that can be read and no program mistakes it
 * (valid UTF-8 without control characters, quotation marks, backslashes), else in hex.
 * out has room for SSID_VALUE_SIZE; len at most SSID_MAX. */
void ssid_value_text(const uint8_t *ssid, size_t len, char *out);

/* Not announced: empty, or all zeros. */
bool ssid_is_hidden(const uint8_t *ssid, size_t len);

#endif
