#include "plot.h"

#include <math.h>

unsigned plot_level(double v, double min, double max, unsigned rows)
{
	unsigned top = rows * PLOT_LEVELS;
	double share;

	if (isnan(v) || top == 0)
		return 0;
	share = max > min ? (v - min) / (max - min) : 0;
	if (!(share > 0))
		return 1;
	if (share >= 1)
		return top;
	return 1 + (unsigned)floor(share * (top - 1) + 0.5);
}

const char *plot_cell(unsigned level, unsigned row, unsigned rows, bool utf8)
{
	static const char *const pretty[PLOT_LEVELS + 1] = {" ", "\342\226\201",
	    "\342\226\202", "\342\226\203", "\342\226\204", "\342\226\205",
	    "\342\226\206", "\342\226\207", "\342\226\210"};
	static const char *const plain[PLOT_LEVELS + 1] = {
	    " ", "_", ".", ":", "-", "=", "+", "*", "#"};
	unsigned below = (rows - 1 - row) * PLOT_LEVELS;
	unsigned n = level <= below                ? 0
		     : level - below > PLOT_LEVELS ? PLOT_LEVELS
						   : level - below;

	return utf8 ? pretty[n] : plain[n];
}

double plot_ceiling(double max, double least)
{
	static const double steps[] = {1, 2, 5, 10};
	double ten;

	if (!(max > least))
		return least;
	ten = pow(10, floor(log10(max)));
	for (unsigned i = 0; i < 4; i++)
		if (steps[i] * ten >= max)
			return steps[i] * ten;
	return 10 * ten;
}
