/*
 * Which image is started, and whether it is what was signed.
 *
 * A configured image is one folder, or the link `current` of a folder with several
 * (image/store.h): then a candidate goes before, and where that fails, here or in the
 * guest, the last good one is taken again.
 *
 * The manifest is read once; its signature is checked, then the content of the open
 * descriptors that the VMM gets is compared with it. So what a name means by the time
 * that the VMM starts does not matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../image/image.h"
#include "../image/store.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "log.h"
#include "paths.h"
#include "priv-server.h"

_Static_assert(IMAGE_ID_MAX == STORE_ID_MAX, "ids are copied");

static const char *const faults[IMAGE_WORDS] = {
    [IMAGE_NO_WORD] = "no word from the guest",
    [IMAGE_NO_RADIO] = "the guest found no radio",
    [IMAGE_DIED] = "the VM ended by itself",
    [IMAGE_FATAL] = "the guest failed",
    [IMAGE_BROKEN] = "the guest broke the protocol",
    [IMAGE_SILENT] = "the guest's heartbeat was lost",
};

static bool uses_image(const struct config *c, const struct vmm_ops *vmm)
{
	return vmm->needs_image ||
	       (vmm->takes_image && strcmp(c->image, PATH_IMAGES "/current") != 0);
}

/* A folder of the configured image's: DIR/ID, or what is configured. */
static char *image_folder(const char *image, const char *id, struct err *e)
{
	char dir[PATH_MAX];
	char *path = NULL;
	int n = id[0] == '\0' || !store_of(image, dir, sizeof(dir))
		    ? asprintf(&path, "%s", image)
		    : asprintf(&path, "%s/%s", dir, id);

	if (n >= 0)
		return path;
	err_sys(e, ENOMEM, "image");
	return NULL;
}

typedef int open_fn(const char *dir, struct image *img, struct err *e);

static int open_id(
    const struct config *c, const char *id, open_fn *fn, struct image *img, struct err *e)
{
	AUTO_FREE char *path = image_folder(c->image, id, e);

	return path == NULL ? -1 : fn(path, img, e);
}

static int open_next(
    const struct config *c, open_fn *fn, struct image *img, struct err *e)
{
	const struct vmm_ops *vmm = vmm_find(c->vmm);
	struct store s = {.current = ""};
	struct err why = ERR_INIT;
	char dir[PATH_MAX];

	memset(img, 0, sizeof(*img));
	if (vmm == NULL)
		return err_set(
		    e, ERR_FAILED, "vmm %s: expected one of %s", c->vmm, vmm_names());
	if (!uses_image(c, vmm))
		return 0;
	if (store_of(c->image, dir, sizeof(dir)) && store_read(dir, &s, e) < 0)
		return -1;
	if (open_id(c, store_next(&s), fn, img, &why) == 0)
		return 0;
	if (s.candidate[0] != '\0' && s.current[0] != '\0') {
		image_close(img);
		return open_id(c, s.current, fn, img, e);
	}
	if (e != NULL)
		*e = why;
	return -1;
}

int priv_image_open(const struct config *c, struct image *img, struct err *e)
{
	return open_next(c, image_open, img, e);
}

int priv_image_check(const struct config *c, struct image *img, struct err *e)
{
	return open_next(c, image_open_trusted, img, e);
}

static int open_file(const struct priv_server *s, const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, errno, "%s", path);
		goto fail;
	}
	/* The VMM opens it again through /proc/self/fd, which asks for the file's own
	 * mode, though not for its folders'. */
	if (s->can_switch && !s->vmm->needs_root && !(st.st_mode & S_IROTH)) {
		err_set(e, ERR_PRECONDITION, "%s: the VMM's user cannot read it", path);
		err_hint(e, "chmod o+r %s", path);
		goto fail;
	}
	return fd;
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* UEFI firmware boots from a disk that prepare() puts together of these, and checks them
 * again as it reads them: here so that it is known before. */
static int check_parts(
    const struct priv_server *s, const struct vm_spec *spec, struct err *e)
{
	const char *const paths[] = {spec->vmlinuz, spec->initrd, spec->stub};
	struct image_file files[ARRAY_LEN(paths)];
	size_t n = 0;
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(paths) && ret == 0; i++) {
		if (paths[i] == NULL)
			continue;
		files[n] = (struct image_file){paths[i], open_file(s, paths[i], e)};
		ret = files[n].fd < 0 ? -1 : 0;
		n += ret == 0;
	}
	if (ret == 0)
		ret = image_check_files(spec->image, files, n, e);
	for (size_t i = 0; i < n; i++)
		close(files[i].fd);
	return ret;
}

static int open_parts(const struct priv_server *s, struct vm_spec *spec, struct err *e)
{
	if (s->vmm->uefi)
		return check_parts(s, spec, e);
	spec->vmlinux_fd = open_file(s, spec->vmlinux, e);
	if (spec->vmlinux_fd < 0)
		return -1;
	spec->initrd_fd = open_file(s, spec->initrd, e);
	if (spec->initrd_fd < 0)
		return -1;
	const struct image_file files[] = {
	    {spec->vmlinux, spec->vmlinux_fd}, {spec->initrd, spec->initrd_fd}};

	return image_check_files(spec->image, files, ARRAY_LEN(files), e);
}

static void drop(struct vm_spec *spec, struct image *img)
{
	if (spec->vmlinux_fd >= 0)
		close(spec->vmlinux_fd);
	if (spec->initrd_fd >= 0)
		close(spec->initrd_fd);
	spec->vmlinux_fd = spec->initrd_fd = -1;
	image_close(img);
}

static int take(struct priv_server *s, const char *id, struct vm_spec *spec,
    struct image *img, struct err *e)
{
	int64_t began = clock_ms();

	if (open_id(&s->c, id, image_open_trusted, img, e) < 0 ||
	    vm_spec_init(spec, &s->c, img, e) < 0 || open_parts(s, spec, e) < 0)
		return -1;
	log_debug("image %s: signed with key %s, checked in %lld ms", img->id,
	    img->signer, (long long)(clock_ms() - began));
	snprintf(s->image.id, sizeof(s->image.id), "%s", img->id);
	snprintf(s->image.kernel, sizeof(s->image.kernel), "%s", img->kernel_version);
	return 0;
}

/* 1: another is to be started. What can not be written down is no reason not to try. */
static int refuse(struct priv_server *s, const char *dir, const char *id, const char *why)
{
	struct err e = ERR_INIT;
	int r = store_refuse(dir, id, why, &e);

	if (r < 0)
		log_err(LOG_LEVEL_ERROR, &e);
	if (r != 1)
		return r;
	log_error("image %s is refused: %s", id, why);
	snprintf(s->image.refused, sizeof(s->image.refused), "%s", id);
	snprintf(s->image.why, sizeof(s->image.why), "%s", why);
	s->image_tried = false;
	return 1;
}

static int cut_off(struct err *e)
{
	return err_set(
	    e, ERR_PRECONDITION, "%d starts with it were cut off", STORE_TRIES_MAX);
}

/* One of a store: the next; 1 where it was refused and there is another. */
static int take_next(struct priv_server *s, const char *dir, struct vm_spec *spec,
    struct image *img, struct err *e)
{
	struct store st;
	struct err why = ERR_INIT;
	const char *id;
	bool trial;
	int r = 0;

	if (store_settle(dir, &why) < 0)
		log_debug("%s", why.msg);
	if (store_read(dir, &st, e) < 0)
		return -1;
	id = store_next(&st);
	trial = store_fallback(&st, id)[0] != '\0';
	s->image_tried = trial;
	if (trial && (r = store_try(dir, id, &why)) < 0) {
		log_debug("%s", why.msg);
		why = (struct err)ERR_INIT;
	}
	r = r == 1 ? cut_off(&why) : take(s, id, spec, img, &why);
	if (r == 0)
		return 0;
	if (trial && why.code == ERR_PRECONDITION && refuse(s, dir, id, why.msg) == 1) {
		drop(spec, img);
		return 1;
	}
	if (e != NULL)
		*e = why;
	return -1;
}

int vm_image_take(
    struct priv_server *s, struct vm_spec *spec, struct image *img, struct err *e)
{
	char dir[PATH_MAX];
	int r;

	memset(img, 0, sizeof(*img));
	s->image_tried = false;
	s->image.id[0] = s->image.kernel[0] = '\0';
	if (!uses_image(&s->c, s->vmm))
		return vm_spec_init(spec, &s->c, img, e);
	if (!store_of(s->c.image, dir, sizeof(dir)))
		return take(s, "", spec, img, e);
	/* Each that is refused is one less: it ends. */
	do
		r = take_next(s, dir, spec, img, e);
	while (r == 1);
	return r;
}

static int acquit(struct priv_server *s, const char *dir, struct err *e)
{
	if (s->image.refused[0] == '\0')
		return 0;
	if (store_acquit(dir, s->image.refused, e) < 0)
		return -1;
	log_warn("image %s is not to blame, it is tried again at the next start",
	    s->image.refused);
	s->image.refused[0] = s->image.why[0] = '\0';
	return 1;
}

int vm_image_word(struct priv_server *s, enum image_word word, struct err *e)
{
	char dir[PATH_MAX];
	int r;

	if (s->image.id[0] == '\0' || !store_of(s->c.image, dir, sizeof(dir)))
		return 0;
	switch (word) {
	case IMAGE_TELL:
		return 0;
	case IMAGE_PROVED:
		/* What was refused before is another story by now. */
		if (s->image_tried)
			s->image.refused[0] = s->image.why[0] = '\0';
		s->image_tried = false;
		r = store_proved(dir, s->image.id, e);
		if (r == 1)
			log_info("image %s has proved itself", s->image.id);
		return r;
	case IMAGE_NO_WORD:
	case IMAGE_NO_RADIO:
	case IMAGE_DIED:
	case IMAGE_FATAL:
	case IMAGE_BROKEN:
	case IMAGE_SILENT:
		return refuse(s, dir, s->image.id, faults[word]);
	case IMAGE_ACQUIT:
		return acquit(s, dir, e);
	}
	return 0;
}

void vm_image_stopped(struct priv_server *s)
{
	struct err e = ERR_INIT;
	char dir[PATH_MAX];

	if (s->image_tried && store_of(s->c.image, dir, sizeof(dir)) &&
	    store_untry(dir, &e) < 0)
		log_debug("%s", e.msg);
	s->image_tried = false;
}

int vm_image_report(struct priv_server *s, struct err *e)
{
	char name[] = "image.XXXXXX", dir[PATH_MAX];
	struct image_report r = s->image;
	struct store st;
	int fd;

	if (r.id[0] != '\0' && store_of(s->c.image, dir, sizeof(dir)) &&
	    store_read(dir, &st, NULL) == 0) {
		memcpy(r.candidate, st.candidate, sizeof(r.candidate));
		memcpy(r.good, st.good, sizeof(r.good));
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "image");
	unlink(name);
	if (fs_write_all(fd, &r, sizeof(r), e) == 0)
		return fd;
	close(fd);
	return -1;
}
