/* The guest's image: there, whole, of the right kind and for this card. */
#include "image.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "check.h"
#include "paths.h"
#include "vmm/vmm.h"

/* As priv_image_open: NULL stands for the one that the next start takes. */
static const char *image_dir(const struct doctor *d)
{
	return strcmp(d->config.image, PATH_IMAGES "/current") == 0 ? NULL
								    : d->config.image;
}

static void build_command(const struct doctor *d, char *out, size_t size)
{
	if (d->simulated)
		snprintf(out, size, "bhyfi image build --air");
	else if (d->card != NULL)
		snprintf(out, size, "bhyfi image build --card %04x:%04x", d->card->vendor,
		    d->card->device);
	else
		snprintf(out, size, "bhyfi image build");
}

/* The guest's programs are Linux': FreeBSD has none of its own. */
static void fix_image(struct doctor *d)
{
	char command[80];

	build_command(d, command, sizeof(command));
	if (d->system == SYSTEM_FREEBSD)
		fix(d,
		    "%s --source alpine --guest DIR, where DIR is libexec/bhyfi of a "
		    "build on Linux",
		    command);
	else
		fix(d, "%s", command);
}

static bool needs_image(const struct doctor *d)
{
	const struct vmm_ops *vmm = vmm_find(d->config.vmm);

	return vmm == NULL || vmm->needs_image;
}

/* Opens it; false where the check's result is set already. Only the first check of it
 * fails where there is none. */
static bool open_image(struct doctor *d, struct image *img, bool first)
{
	struct err e = ERR_INIT;
	const char *dir = image_dir(d);

	memset(img, 0, sizeof(*img));
	if (!needs_image(d)) {
		skip(d, "vmm = %s needs none", d->config.vmm);
		return false;
	}
	if (image_open(dir, img, &e) == 0)
		return true;
	if (access(dir != NULL ? dir : PATH_IMAGES "/current", R_OK | X_OK) < 0 &&
	    errno == EACCES) {
		skip_root(d, "what the image is");
	} else if (first) {
		fail(d, "%s", e.msg);
		fix_image(d);
	} else {
		skip(d, "there is no image to look at");
	}
	image_close(img);
	return false;
}

static void present(struct doctor *d)
{
	struct image img;

	if (!open_image(d, &img, true))
		return;
	pass(d, "%s, Linux %s", img.id, img.kernel_version);
	image_close(&img);
}

static void verified(struct doctor *d)
{
	struct err e = ERR_INIT;
	char signer[17];
	struct image img;

	if (!open_image(d, &img, false))
		return;
	if (image_verify(img.dir, &e) == 0 && image_trusted(img.dir, signer, &e) == 0) {
		pass(d, "every file is as its manifest says, signed with key %s", signer);
	} else if (e.hint[0] != '\0' && strstr(e.hint, ".pub") != NULL) {
		fail(d, "%s", e.msg);
		fix(d, "%s", e.hint);
	} else {
		fail(d, "%s", e.msg);
		fix_image(d);
	}
	image_close(&img);
}

static bool right_kind(struct doctor *d, const struct image *img)
{
	if (d->simulated && img->air_initrd == NULL)
		fail(d, "it has no simulated WLAN");
	else if (!d->simulated && img->air_initrd != NULL)
		/* Not wrong, but a test image has no place on a user's machine. */
		warn(d, "it is a test image, with the simulated WLAN in it");
	else if (d->system == SYSTEM_FREEBSD && img->esp == NULL)
		fail(d, "it has no EFI part, which bhyve boots from");
	else
		return true;
	fix_image(d);
	return false;
}

/* The manifest's card is VENDOR:DEVICE, sim or none. */
static void fits(struct doctor *d)
{
	struct image img;
	json_t *info = NULL;
	char mine[16];
	const char *its;

	if (!open_image(d, &img, false))
		return;
	if (!right_kind(d, &img))
		goto out;
	if (d->simulated || d->card == NULL) {
		pass(d, "it boots here");
		goto out;
	}
	if (image_info(img.dir, &info, NULL) < 0)
		info = NULL;
	its = json_string_value(json_object_get(info, "card"));
	snprintf(mine, sizeof(mine), "%04x:%04x", d->card->vendor, d->card->device);
	if (its != NULL && strcasecmp(its, mine) == 0) {
		pass(d, "it was built for this card");
	} else if (its != NULL && strcmp(its, "all") == 0) {
		pass(d, "it was built for all cards");
	} else {
		warn(d, "it was built for card %.20s, and this one is %s",
		    its != NULL ? its : "?", mine);
		fix_image(d);
	}
	json_decref(info);
out:
	image_close(&img);
}

#define BOTH (SYSTEM_LINUX | SYSTEM_FREEBSD)

const struct check image_checks[] = {
    {"image.present", "image", BOTH, present},
    {"image.verified", "image verified", BOTH, verified},
    {"image.fits", "image fits", BOTH, fits},
    {.id = NULL},
};
