/* An image for a real card, on machines that have none. */
#ifndef BHYFI_TEST_CARD_IMAGE_H
#define BHYFI_TEST_CARD_IMAGE_H

#include "err.h"

/*
 * Makes dir an image for card ("8086:2723") of the current one: it is what a user's image
 * for that card is to bhyfi, but in the guest the simulated WLAN plays the card
 * (card-init.c), which starts by itself.
 */
int card_image_make(const char *dir, const char *card, struct err *e);

#endif
