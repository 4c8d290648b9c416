/* What one start of a VM boots from. */
#include <stdlib.h>

#include "cleanup.h"
#include "esp.h"
#include "image.h"
#include "uki.h"

int image_esp(const struct image *img, bool air, const char *cmdline, const char *path,
    struct err *e)
{
	const struct uki_parts parts = {.stub = img->stub,
	    .vmlinuz = img->vmlinuz,
	    .initrd = air ? img->air_initrd : img->initrd,
	    .kernel = img->kernel_version,
	    .cmdline = cmdline,
	    .image = img};
	char AUTO_FREE *uki = NULL;
	size_t len;

	if (parts.initrd == NULL) {
		err_set(
		    e, ERR_PRECONDITION, "image %s: it has no simulated card", img->id);
		return err_hint(e, "bhyfi image build --air");
	}
	if (parts.stub == NULL) {
		err_set(e, ERR_PRECONDITION,
		    "image %s: it has no EFI stub, so UEFI firmware can not boot it",
		    img->id);
		return err_hint(e, "bhyfi image build, from Debian's packages");
	}
	return uki_make(&parts, &uki, &len, e) < 0 ? -1 : esp_write(path, uki, len, e);
}
