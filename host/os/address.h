/* Changes of addresses of this host, as they happen. linux-address.c or
 * freebsd-address.c; one of them is linked. */
#ifndef BHYFI_OS_ADDRESS_H
#define BHYFI_OS_ADDRESS_H

#include "err.h"

/* A descriptor that becomes readable when an address came or went, or perhaps then; it
 * does not block and is the caller's to close. */
int address_watch(struct err *e);

#endif
