/* Lists of words in one text, as configuration files have them. */
#ifndef BHYFI_WORDS_H
#define BHYFI_WORDS_H

#include <stdbool.h>

/* Whether list has the word, words being what is between separators (any of seps). */
bool words_have(const char *list, const char *word, const char *seps);
/* The same, for a word in whatever case. */
bool words_have_nocase(const char *list, const char *word, const char *seps);

#endif
