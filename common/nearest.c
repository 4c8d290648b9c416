#include "nearest.h"

#include <string.h>

unsigned nearest_distance(const char *a, const char *b)
{
	unsigned row[NEAREST_MAX];
	size_t la = strlen(a), lb = strlen(b);

	if (la >= NEAREST_MAX || lb >= NEAREST_MAX)
		return NEAREST_MAX;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned up = row[j];
			unsigned best = diag + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = up;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *nearest_name(
    const char *word, unsigned n, const char *(*name)(unsigned i, void *arg), void *arg)
{
	const char *best = NULL;
	unsigned best_distance = 4;

	for (unsigned i = 0; i < n; i++) {
		const char *candidate = name(i, arg);
		unsigned d = nearest_distance(word, candidate);

		if (d < best_distance && d < strlen(candidate) && d < strlen(word)) {
			best_distance = d;
			best = candidate;
		}
	}
	return best;
}
