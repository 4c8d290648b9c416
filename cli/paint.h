/* The screen of `monitor`, as text: no terminal is needed, so tests read it. */
#ifndef BHYFI_PAINT_H
#define BHYFI_PAINT_H

#include <stdbool.h>
#include <stddef.h>

#include "sample.h"

#define PAINT_COLUMNS_MAX 1000
#define PAINT_ROWS_MAX 500

struct paint_options {
	size_t rows;    /* 0: as many as there are things to say, without plots */
	size_t columns; /* of the terminal; no line is wider */
	bool utf8, colour;
};

/*
 * At most that many lines, with a newline between two of them. What has no room is left
 * out, the least important first. For the caller to free; NULL without memory.
 */
char *paint(const struct history *h, const struct paint_options *o);

#endif
