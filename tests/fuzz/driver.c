/*
 * Replays a corpus without libFuzzer: every file of the folders named, then a
 * fixed number of mutations of each from a fixed seed, so that a run finds the
 * same as the run before. One TAP test per folder; a crash or a sanitizer's
 * report ends the program, which the test runner counts.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "fs.h"

#define INPUT_MAX (1024 * 1024)
#define MUTATIONS 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64*: good enough to pick bytes. */
static uint64_t next_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1d;
}

/* A heap copy of exactly this size, so that ASan sees a read beyond it. */
static void feed(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static size_t mutate(const uint8_t *seed, size_t len, uint8_t *out, size_t size)
{
	size_t n = len < size ? len : size, edits = 1 + next_random() % 8;

	memcpy(out, seed, n);
	for (size_t i = 0; i < edits; i++) {
		size_t at = n ? next_random() % n : 0;

		switch (next_random() % 5) {
		case 0: /* cut */
			n = at;
			break;
		case 1: /* repeat a piece at the end */
			for (size_t k = at; k < n && n < size && k < at + 16; k++)
				out[n++] = out[k];
			break;
		case 2: /* a byte more */
			if (n < size)
				out[n++] = (uint8_t)next_random();
			break;
		case 3: /* flip a bit */
			if (n)
				out[at] ^= (uint8_t)(1u << (next_random() % 8));
			break;
		case 4: /* another byte */
			if (n)
				out[at] = (uint8_t)next_random();
			break;
		}
	}
	return n;
}

static int replay_file(const char *path)
{
	static uint8_t mutated[INPUT_MAX];
	AUTO_FREE char *data = NULL;
	struct err e = ERR_INIT;
	size_t len = 0;

	if (fs_read_file(path, INPUT_MAX, &data, &len, &e)) {
		printf("# %s\n", e.msg);
		return -1;
	}
	feed((const uint8_t *)data, len);
	for (int i = 0; i < MUTATIONS; i++)
		feed(mutated,
		    mutate((const uint8_t *)data, len, mutated, sizeof(mutated)));
	return 0;
}

/* The number of files replayed, -1 where one could not be read. */
static int replay_folder(const char *folder)
{
	struct dirent **names;
	int files = 0, n = scandir(folder, &names, NULL, alphasort);

	if (n < 0) {
		printf("# %s: cannot be read\n", folder);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];

		if (names[i]->d_name[0] != '.' && files >= 0) {
			snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
			files = replay_file(path) ? -1 : files + 1;
		}
		free(names[i]);
	}
	free(names);
	return files;
}

int main(int argc, char **argv)
{
	int failed = 0;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		int files = replay_folder(argv[i]);

		failed += files <= 0;
		printf("%sok %d - %s: %d seeds, %d mutations of each\n",
		    files > 0 ? "" : "not ", i, slash ? slash + 1 : argv[i],
		    files > 0 ? files : 0, MUTATIONS);
	}
	return failed != 0;
}
