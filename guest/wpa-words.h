/* Status and reason codes of IEEE 802.11 (9.4.1.9, 9.4.1.7) in words. */
#ifndef BHYFI_GUEST_WPA_WORDS_H
#define BHYFI_GUEST_WPA_WORDS_H

/* Never NULL; a code without words of its own gets general ones. */
const char *wpa_status_text(int code);
const char *wpa_reason_text(int code);

#endif
