#include "uki.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bzimage.h"
#include "cleanup.h"
#include "fs.h"
#include "image.h"
#include "paths.h"
#include "pe.h"

#define INITRD_MAX (512u << 20)

int uki_make(const struct uki_parts *p, char **out, size_t *len, struct err *e)
{
	char AUTO_FREE *stub = NULL;
	char AUTO_FREE *vmlinuz = NULL;
	char AUTO_FREE *initrd = NULL;
	char AUTO_FREE *osrel = NULL;
	size_t stub_len, vmlinuz_len, initrd_len;

	if (fs_read_file(p->stub, PE_FILE_MAX, &stub, &stub_len, e) < 0 ||
	    fs_read_file(p->vmlinuz, BZIMAGE_MAX, &vmlinuz, &vmlinuz_len, e) < 0 ||
	    fs_read_file(p->initrd, INITRD_MAX, &initrd, &initrd_len, e) < 0)
		return -1;
	if (p->image != NULL &&
	    (image_check_data(p->image, p->stub, stub, stub_len, e) < 0 ||
		image_check_data(p->image, p->vmlinuz, vmlinuz, vmlinuz_len, e) < 0 ||
		image_check_data(p->image, p->initrd, initrd, initrd_len, e) < 0))
		return -1;
	if (asprintf(&osrel,
		"ID=bhyfi\nNAME=bhyfi\nVERSION_ID=%s\n"
		"PRETTY_NAME=\"bhyfi %s (Linux %s)\"\n",
		BHYFI_VERSION, BHYFI_VERSION, p->kernel) < 0) {
		osrel = NULL;
		return err_sys(e, ENOMEM, "unified kernel image");
	}
	const struct pe_section sections[] = {
	    {".osrel", osrel, strlen(osrel)},
	    {".cmdline", p->cmdline, strlen(p->cmdline) + 1},
	    {".initrd", initrd, initrd_len},
	    {".linux", vmlinuz, vmlinuz_len},
	};
	return pe_append(stub, stub_len, sections, ARRAY_LEN(sections), out, len, e);
}
