/* A passphrase from a terminal without echo, a file or standard input; never from an
 * argument, which everybody may read. */
#ifndef BHYFI_PASSPHRASE_H
#define BHYFI_PASSPHRASE_H

#include <stddef.h>

#include "err.h"

#define PASSPHRASE_SIZE 160

/* The first line of the file; "-" is standard input. Wiped by the caller. */
int passphrase_read(const char *path, char out[PASSPHRASE_SIZE], struct err *e);

/* Asks on the controlling terminal. prompt is printed as it is: made safe before.
 * ERR_PRECONDITION where there is no terminal. */
int passphrase_ask(const char *prompt, char out[PASSPHRASE_SIZE], struct err *e);

#endif
