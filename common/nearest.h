/* "Did you mean": how far two names are apart. */
#ifndef BHYFI_NEAREST_H
#define BHYFI_NEAREST_H

#define NEAREST_MAX 32 /* longer names are never near */

/* Insertions, deletions and replacements of a byte that make b of a. */
unsigned nearest_distance(const char *a, const char *b);

/*
 * The one of n names (name(i, arg)) that is most likely meant by word: at most
 * 3 apart and not wholly different. NULL where none is.
 */
const char *nearest_name(
    const char *word, unsigned n, const char *(*name)(unsigned i, void *arg), void *arg);

#endif
