#include "card-image.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "image.h"
#include "manifest.h"
#include "paths.h"

#define GUEST_INIT BHYFI_TEST_PREFIX "/libexec/bhyfi/bhyfi-guest"
#define FILE_LIMIT (256u << 20)
#define MORE_MAX (16u << 20) /* of what is appended */

/* Artefacts that are taken as they are. */
static const char *const taken[] = {
    "vmlinuz", "vmlinux", "stub.efi", "esp.img", "uki.efi"};

static int take(const char *dir, const char *name, struct err *e)
{
	char AUTO_FREE *data = NULL;
	char from[PATH_MAX], to[PATH_MAX];
	size_t len;

	snprintf(from, sizeof(from), PATH_IMAGES "/current/%s", name);
	snprintf(to, sizeof(to), "%.2000s/%s", dir, name);
	if (link(from, to) == 0)
		return 0;
	/* Another file system. */
	if (fs_read_file(from, FILE_LIMIT, &data, &len, e) < 0)
		return -1;
	return fs_write_atomic(to, 0644, data, len, e);
}

static int add_program(
    struct archive *a, const char *name, const char *path, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	char AUTO_FREE *data = NULL;
	size_t len = 0;
	int ret = fs_read_file(path, MORE_MAX, &data, &len, e);

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0755);
	archive_entry_set_size(entry, (la_int64_t)len);
	if (ret == 0 && (archive_write_header(a, entry) != ARCHIVE_OK ||
			    archive_write_data(a, data, len) != (la_ssize_t)len))
		ret = err_set(e, ERR_FAILED, "%s: %s", name, archive_error_string(a));
	archive_entry_free(entry);
	return ret;
}

/* A cpio with the two programs, to be put behind the initrd: the last /init counts. */
static int make_more(char *out, size_t *len, struct err *e)
{
	struct archive *a = archive_write_new();
	int ret = -1;

	archive_write_set_format_cpio_newc(a);
	archive_write_set_bytes_in_last_block(a, 1);
	if (archive_write_open_memory(a, out, MORE_MAX, len) != ARCHIVE_OK)
		err_set(e, ERR_FAILED, "cpio: %s", archive_error_string(a));
	else if (add_program(a, "init", CARD_INIT, e) == 0 &&
		 add_program(a, "init.guest", GUEST_INIT, e) == 0)
		ret = archive_write_close(a) == ARCHIVE_OK
			  ? 0
			  : err_set(e, ERR_FAILED, "cpio: %s", archive_error_string(a));
	archive_write_free(a);
	return ret;
}

static int make_initrd(const char *dir, struct err *e)
{
	char AUTO_FREE *air = NULL, AUTO_FREE *more = malloc(MORE_MAX);
	char AUTO_FREE *all = NULL;
	char path[PATH_MAX];
	size_t len, more_len = 0, start;

	if (more == NULL)
		return err_sys(e, ENOMEM, "initrd");
	if (fs_read_file(PATH_IMAGES "/current/air.initrd", FILE_LIMIT, &air, &len, e) <
		0 ||
	    make_more(more, &more_len, e) < 0)
		return -1;
	start = (len + 3) / 4 * 4;
	all = calloc(1, start + more_len);
	if (all == NULL)
		return err_sys(e, ENOMEM, "initrd");
	memcpy(all, air, len);
	memcpy(all + start, more, more_len);
	snprintf(path, sizeof(path), "%.2000s/initrd", dir);
	return fs_write_atomic(path, 0644, all, start + more_len, e);
}

static int add_artefact(json_t *list, const char *dir, const char *name, struct err *e)
{
	json_t *o = manifest_artefact(dir, name, e);

	return o == NULL ? -1 : json_object_set_new(list, name, o);
}

static int write_manifest(const char *dir, const char *card, struct err *e)
{
	json_t *m = manifest_read(PATH_IMAGES "/current", e), *list = json_object();
	char AUTO_FREE *id = NULL;
	int ret = -1;

	if (m == NULL)
		return -1;
	json_object_set_new(m, "artefacts", list);
	json_object_set_new(m, "card", json_string(card));
	json_object_set_new(m, "air", json_false());
	json_object_del(m, "files");
	json_object_del(m, "id");
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (add_artefact(list, dir, taken[i], e) < 0)
			goto out;
	if (add_artefact(list, dir, "initrd", e) < 0)
		goto out;
	id = manifest_id(m, e);
	if (id == NULL)
		goto out;
	json_object_set_new(m, "id", json_string(id));
	ret = manifest_write(dir, m, e);
out:
	json_decref(m);
	return ret;
}

int card_image_make(const char *dir, const char *card, struct err *e)
{
	if (fs_mkdir_p(dir, 0755, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (take(dir, taken[i], e) < 0)
			return -1;
	if (make_initrd(dir, e) < 0)
		return -1;
	return write_manifest(dir, card, e) < 0 ? -1 : image_sign(dir, NULL, e);
}
