/* Figures as a picture of characters. */
#ifndef BHYFI_PLOT_H
#define BHYFI_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#define PLOT_LEVELS 8 /* that a character has */

/*
 * The height of a value in a plot of `rows` rows: 0 for NAN, otherwise 1 (min and below)
 * to rows * PLOT_LEVELS (max and above).
 */
unsigned plot_level(double v, double min, double max, unsigned rows);

/* What stands in a row (0: the uppermost) of a column of that height. */
const char *plot_cell(unsigned level, unsigned row, unsigned rows, bool utf8);

/* The next higher of 1, 2, 5, 10, 20 ...; at least `least`. The end of a scale that
 * follows what is shown. */
double plot_ceiling(double max, double least);

#endif
