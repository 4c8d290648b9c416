#include "words.h"

#include <string.h>
#include <strings.h>

static bool search(const char *list, const char *word, const char *seps,
    int (*compare)(const char *a, const char *b, size_t n))
{
	size_t len = strlen(word);

	for (list += strspn(list, seps); *list != '\0'; list += strspn(list, seps)) {
		size_t n = strcspn(list, seps);

		if (n == len && compare(list, word, n) == 0)
			return true;
		list += n;
	}
	return false;
}

bool words_have(const char *list, const char *word, const char *seps)
{
	return search(list, word, seps, strncmp);
}

bool words_have_nocase(const char *list, const char *word, const char *seps)
{
	return search(list, word, seps, strncasecmp);
}
