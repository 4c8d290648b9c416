/*
 * What is kept of a stream of text (the daemon's log, the guest's console): the
 * newest part in memory for those who ask, and a file that is rotated once.
 */
#ifndef BHYFI_KEEP_H
#define BHYFI_KEEP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define KEEP_RING (256 * 1024)
#define KEEP_FILE_MAX (1024 * 1024)

struct keep {
	char *ring;     /* KEEP_RING bytes */
	uint64_t total; /* bytes that ever went in; the ring holds the last of them */
	int fd, old_fd; /* -1: no file */
	off_t size;     /* of the file */
	uint64_t lost;  /* writes that failed: full disk, mostly */
};

/*
 * Opens NAME and NAME.old in the folder dir, made with the mode, for appending. bhyfid
 * does this as root before it gives up its rights and the folder: rotation copies
 * from the one descriptor to the other, so it needs neither later.
 */
int keep_open(struct keep *k, int dir, const char *name, mode_t mode, struct err *e);
/* Without a file. */
int keep_init(struct keep *k, struct err *e);
void keep_close(struct keep *k);

/* Never fails: what the file can not take is counted, and said once it can again. */
void keep_add(struct keep *k, const char *data, size_t len);

/* The oldest byte that is still there, by its place in the stream. */
uint64_t keep_first(const struct keep *k);
/* Copies from place *at on, at most size bytes, and moves *at behind them; what has
 * left the ring is skipped. Returns how many. */
size_t keep_read(const struct keep *k, uint64_t *at, char *out, size_t size);

/* The place where the last n lines begin that are there as a whole. */
uint64_t keep_last_lines(const struct keep *k, unsigned n);

#endif
