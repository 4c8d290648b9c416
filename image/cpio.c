#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>

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

int tree_write_cpio(
    const struct tree *t, const char *path, int level, int64_t mtime, struct err *e)
{
	struct archive *a = archive_write_new();
	char option[16];
	int r = -1;

	if (a == NULL)
		return err_sys(e, ENOMEM, "initrd");
	snprintf(option, sizeof(option), "%d", level);
	if (archive_write_set_format_cpio_newc(a) != ARCHIVE_OK ||
	    (level > 0 && (archive_write_add_filter_zstd(a) != ARCHIVE_OK ||
			      archive_write_set_filter_option(a, "zstd",
				  "compression-level", option) != ARCHIVE_OK)) ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open_filename(a, path) != ARCHIVE_OK) {
		archive_err(e, a, path);
		goto out;
	}
	for (size_t i = 0; i < t->n; i++)
		if (write_node(a, &t->v[i], i, mtime, e) < 0)
			goto out;
	r = archive_write_close(a) == ARCHIVE_OK ? 0 : archive_err(e, a, path);
out:
	archive_write_free(a);
	return r;
}
