#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

int keep_init(struct keep *k, struct err *e)
{
	memset(k, 0, sizeof(*k));
	k->fd = k->old_fd = -1;
	k->ring = malloc(KEEP_RING);
	return k->ring != NULL ? 0 : err_sys(e, ENOMEM, "log");
}

static int open_file(
    int dir, const char *name, mode_t mode, struct stat *st, struct err *e)
{
	int fd = openat(dir, name,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);

	if (fd < 0)
		return err_sys(e, errno, "%s", name);
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		close(fd);
		return err_set(e, ERR_FAILED, "%s: not a regular file", name);
	}
	return fd;
}

int keep_open(struct keep *k, int dir, const char *name, mode_t mode, struct err *e)
{
	char old[64];
	struct stat st;

	if (keep_init(k, e) < 0)
		return -1;
	snprintf(old, sizeof(old), "%s.old", name);
	k->old_fd = open_file(dir, old, mode, &st, e);
	k->fd = k->old_fd >= 0 ? open_file(dir, name, mode, &st, e) : -1;
	if (k->fd < 0) {
		keep_close(k);
		return -1;
	}
	k->size = st.st_size;
	return 0;
}

void keep_close(struct keep *k)
{
	if (k->fd >= 0)
		close(k->fd);
	if (k->old_fd >= 0)
		close(k->old_fd);
	free(k->ring);
	memset(k, 0, sizeof(*k));
	k->fd = k->old_fd = -1;
}

/* The file becomes the old one. What can not be copied is gone: a full disk needs the
 * room more than anybody needs old lines. */
static void rotate(struct keep *k)
{
	char buf[16384];
	off_t at = 0;
	ssize_t n;

	if (ftruncate(k->old_fd, 0) < 0)
		return;
	while ((n = pread(k->fd, buf, sizeof(buf), at)) > 0 &&
	       fs_write_all(k->old_fd, buf, (size_t)n, NULL) == 0)
		at += n;
	if (ftruncate(k->fd, 0) == 0)
		k->size = 0;
}

static void add_to_file(struct keep *k, const char *data, size_t len)
{
	char note[80];
	int n;

	if (k->size >= KEEP_FILE_MAX)
		rotate(k);
	if (k->size >= KEEP_FILE_MAX) {
		k->lost++;
		return;
	}
	if (k->lost > 0) {
		n = snprintf(note, sizeof(note), "[%llu writes lost]\n",
		    (unsigned long long)k->lost);
		if (write(k->fd, note, (size_t)n) != n) {
			k->lost++;
			return;
		}
		k->size += n;
		k->lost = 0;
	}
	if (fs_write_all(k->fd, data, len, NULL) < 0)
		k->lost++;
	else
		k->size += (off_t)len;
}

void keep_add(struct keep *k, const char *data, size_t len)
{
	if (k->fd >= 0)
		add_to_file(k, data, len);
	if (len > KEEP_RING) {
		k->total += len - KEEP_RING;
		data += len - KEEP_RING;
		len = KEEP_RING;
	}
	while (len > 0) {
		size_t at = (size_t)(k->total % KEEP_RING);
		size_t n = len < KEEP_RING - at ? len : KEEP_RING - at;

		memcpy(k->ring + at, data, n);
		k->total += n;
		data += n;
		len -= n;
	}
}

uint64_t keep_first(const struct keep *k)
{
	return k->total > KEEP_RING ? k->total - KEEP_RING : 0;
}

size_t keep_read(const struct keep *k, uint64_t *at, char *out, size_t size)
{
	size_t done = 0;

	if (*at < keep_first(k))
		*at = keep_first(k);
	while (done < size && *at < k->total) {
		size_t place = (size_t)(*at % KEEP_RING);
		size_t n = KEEP_RING - place;

		if (n > k->total - *at)
			n = (size_t)(k->total - *at);
		if (n > size - done)
			n = size - done;
		memcpy(out + done, k->ring + place, n);
		done += n;
		*at += n;
	}
	return done;
}

uint64_t keep_last_lines(const struct keep *k, unsigned n)
{
	uint64_t first = keep_first(k), at = k->total;

	/* The newline before a line begins it; the last one only ends the stream. */
	for (; at > first; at--)
		if (at < k->total && k->ring[(at - 1) % KEEP_RING] == '\n' && n-- <= 1)
			return at;
	/* What has left the ring may have been the beginning of this one. */
	while (first > 0 && at < k->total && k->ring[at % KEEP_RING] != '\n')
		at++;
	return first > 0 && at < k->total ? at + 1 : at;
}
