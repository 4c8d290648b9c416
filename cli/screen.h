/* The screen of `bhyfi status`. */
#ifndef BHYFI_SCREEN_H
#define BHYFI_SCREEN_H

#include "cli.h"

/* Prints any object, however odd. */
void status_print(FILE *f, const char *instance, const json_t *o);

#endif
