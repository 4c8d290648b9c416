#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "fs.h"
#include "hash.h"
#include "tree.h"

static int archive_err(struct err *e, struct archive *a, const char *what)
{
	const char *why = archive_error_string(a);

	return err_set(e, ERR_FAILED, "%s: %s", what, why == NULL ? "not written" : why);
}

static void fill_entry(
    struct archive_entry *entry, const struct node *n, size_t index, int64_t mtime)
{
	archive_entry_set_pathname(entry, n->path);
	archive_entry_set_ino64(entry, (int64_t)index + 1);
	archive_entry_set_mtime(entry, mtime, 0);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_nlink(entry, n->type == NODE_DIR ? 2 : 1);
	archive_entry_set_perm(entry, n->mode);
	archive_entry_set_size(entry, n->type == NODE_FILE ? (int64_t)n->len : 0);
	switch (n->type) {
	case NODE_DIR:
		archive_entry_set_filetype(entry, AE_IFDIR);
		break;
	case NODE_FILE:
		archive_entry_set_filetype(entry, AE_IFREG);
		break;
	case NODE_LINK:
		archive_entry_set_filetype(entry, AE_IFLNK);
		archive_entry_set_symlink(entry, n->data);
		break;
	case NODE_CONSOLE:
		archive_entry_set_filetype(entry, AE_IFCHR);
		archive_entry_set_rdevmajor(entry, 5);
		archive_entry_set_rdevminor(entry, 1);
		break;
	}
}

static int write_node(
    struct archive *a, const struct node *n, size_t index, int64_t mtime, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int r = 0;

	if (entry == NULL)
		return err_sys(e, ENOMEM, "initrd");
	fill_entry(entry, n, index, mtime);
	if (archive_write_header(a, entry) != ARCHIVE_OK ||
	    (n->type == NODE_FILE && n->len > 0 &&
		archive_write_data(a, n->data, n->len) != (la_ssize_t)n->len))
		r = archive_err(e, a, n->path);
	archive_entry_free(entry);
	return r;
}

/*
 * The kernel needs as much memory as the window on top of what it unpacks from and into,
 * when memory is shortest: 512 KiB, where level 9 would take 4 MiB. That costs 2 or 3 %.
 */
#define WINDOW_LOG 19

/* Where the archive goes, compressed or not. */
struct sink {
	int fd;
	struct hash *hash; /* of what is not compressed yet; NULL: nobody asks */
	ZSTD_CCtx *zstd;   /* NULL: not compressed */
	char *buf;
	size_t size;
	struct err *e;
};

static int compress(struct sink *s, const void *data, size_t len, ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {data, len, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {s->buf, s->size, 0};

		left = ZSTD_compressStream2(s->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return err_set(
			    s->e, ERR_FAILED, "zstd: %s", ZSTD_getErrorName(left));
		if (fs_write_all(s->fd, s->buf, out.pos, s->e) < 0)
			return -1;
	} while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static la_ssize_t sink_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct sink *s = arg;
	int r = s->hash != NULL ? hash_add(s->hash, data, len, s->e) : 0;

	if (r == 0)
		r = s->zstd != NULL ? compress(s, data, len, ZSTD_e_continue)
				    : fs_write_all(s->fd, data, len, s->e);

	if (r == 0)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "%s", s->e == NULL ? "not written" : s->e->msg);
	return -1;
}

static int sink_open(
    struct sink *s, const char *path, int level, bool hashed, struct err *e)
{
	s->e = e;
	if (hashed && (s->hash = hash_new(e)) == NULL)
		return -1;
	s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (s->fd < 0)
		return err_sys(e, errno, "%s", path);
	if (level == 0)
		return 0;
	s->size = ZSTD_CStreamOutSize();
	s->buf = malloc(s->size);
	s->zstd = ZSTD_createCCtx();
	if (s->buf == NULL || s->zstd == NULL)
		return err_sys(e, ENOMEM, "%s", path);
	if (ZSTD_isError(
		ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_windowLog, WINDOW_LOG)))
		return err_set(e, ERR_FAILED, "zstd: level %d can not be had", level);
	return 0;
}

static int sink_end(struct sink *s)
{
	return s->zstd != NULL ? compress(s, "", 0, ZSTD_e_end) : 0;
}

static void sink_free(struct sink *s)
{
	hash_free(s->hash);
	ZSTD_freeCCtx(s->zstd);
	free(s->buf);
	if (s->fd >= 0)
		close(s->fd);
}

int tree_write_cpio(const struct tree *t, const char *path, int level, int64_t mtime,
    char *hex, struct err *e)
{
	struct archive *a = archive_write_new();
	struct sink sink = {.fd = -1};
	int r = -1;

	if (a == NULL)
		return err_sys(e, ENOMEM, "initrd");
	if (sink_open(&sink, path, level, hex != NULL, e) < 0)
		goto out;
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open(a, &sink, NULL, sink_write, NULL) != ARCHIVE_OK) {
		archive_err(e, a, path);
		goto out;
	}
	for (size_t i = 0; i < t->n; i++)
		if (write_node(a, &t->v[i], i, mtime, e) < 0)
			goto out;
	if (archive_write_close(a) != ARCHIVE_OK)
		archive_err(e, a, path);
	else
		r = sink_end(&sink);
	if (r == 0 && hex != NULL)
		r = hash_end(sink.hash, hex, e);
out:
	archive_write_free(a);
	sink_free(&sink);
	return r;
}

const char *tree_compressor(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "zstd %s", ZSTD_versionString());
	return text;
}
