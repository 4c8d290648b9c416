/* The screen of `bhyfi status`, and what others take from it. */
#ifndef BHYFI_SCREEN_H
#define BHYFI_SCREEN_H

#include "cli.h"
#include "out.h"

/* Prints any object, however odd. */
void status_print(FILE *f, const char *instance, const json_t *o);

/* A signal as four bars. */
const char *screen_bars(double dbm);

/* "3 min 12 s" */
void screen_duration(double s, char *out, size_t size);

/* In what colour a state of the machine is shown. */
enum out_style screen_state_style(const char *state);

#endif
