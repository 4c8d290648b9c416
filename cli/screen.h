/* The screen of `bhyfi status`, and what others take from it. */
#ifndef BHYFI_SCREEN_H
#define BHYFI_SCREEN_H

#include "cli.h"

/* Prints any object, however odd. */
void status_print(FILE *f, const char *instance, const json_t *o);

/* A signal as four bars. */
const char *screen_bars(double dbm);

#endif
