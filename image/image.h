/*
 * The image builder: from distribution packages to a bootable guest.
 *
 * image_build() makes a folder with the kernel, the initrd, a unified kernel
 * image and an ESP disk image, and a manifest that names every package, file
 * and hash. The same packages and programs give the same bytes, so the
 * folder's name comes from the content. doc/image.md says how it is done.
 *
 * The side that starts guests needs only image_open() and image_close().
 */
#ifndef BHYFI_IMAGE_H
#define BHYFI_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "err.h"
#include "store.h"

/* An image as it lies on the disk. Paths are absolute if `dir` is. */
struct image {
	char *dir;
	char *id;
	char *kernel_version; /* "6.1.0-56-amd64" */
	char *vmlinuz;        /* bzImage, as packaged */
	char *vmlinux;        /* the same, uncompressed ELF with a PVH note */
	char *initrd;
	/* initrd and the simulated WLAN, and the same not compressed; NULL: not a test
	 * image */
	char *air_initrd, *air_initrd_cpio;
	char *uki;  /* unified kernel image; NULL where there was no EFI stub */
	char *esp;  /* GPT disk with the UKI as \EFI\BOOT\BOOTX64.EFI; NULL likewise */
	char *stub; /* the EFI stub alone; NULL likewise */
	char *sbom; /* what is in it, as CycloneDX; NULL: an older image */
	json_t *artefacts; /* the manifest's, with the hash of each file */
	char signer[17];   /* the number of the key, where that was checked; "" */
};

/*
 * Opens an image: `dir` is its folder, or NULL for the one of PATH_IMAGES that the next
 * start takes (links are resolved, so a later build does not move it).
 * Checks that the manifest can be read and that every file it lists is there
 * with its size, but not the hashes (image_verify). No image is
 * ERR_PRECONDITION, with the command that makes one as the hint. The caller
 * ends it with image_close, also after an error.
 */
int image_open(const char *dir, struct image *img, struct err *e);
void image_close(struct image *img);

/*
 * The same for an image that is to be started: the manifest, as it was read, is signed by
 * a key that this host trusts (keyring.h); else ERR_PRECONDITION. The files themselves
 * are the next two's matter.
 */
int image_open_trusted(const char *dir, struct image *img, struct err *e);

/* A file of an image, opened; path is img's own. */
struct image_file {
	const char *path;
	int fd;
};

/*
 * Compares the content of open files with what the manifest says of them, several at a
 * time. ERR_PRECONDITION names the first that is damaged. Whoever is given the same
 * descriptors reads what was checked, whatever the names mean by then.
 */
int image_check_files(
    const struct image *img, const struct image_file *files, size_t n, struct err *e);
/* The same of content that was read from img's own path. */
int image_check_data(const struct image *img, const char *path, const void *data,
    size_t len, struct err *e);

/* Signs the manifest with a secret key of signify's; "" or NULL: the host's own, which is
 * made if there is none. The public key is put beside the signature. */
int image_sign(const char *dir, const char *key, struct err *e);
/* Whether the manifest there is signed by a trusted key; the key's number to signer. */
int image_trusted(const char *dir, char signer[17], struct err *e);

/*
 * Writes to path a disk like img->esp, but with that command line for the kernel and,
 * if air, with the simulated WLAN: what one start of a VM boots from.
 * ERR_PRECONDITION where the image lacks a part for it.
 */
int image_esp(const struct image *img, bool air, const char *cmdline, const char *path,
    struct err *e);

/*
 * What an image is, for `bhyfi image info`: the manifest without its lists of
 * files, plus "dir", "current" and "candidate". *info is a new reference.
 */
int image_info(const char *dir, json_t **info, struct err *e);

/*
 * Its files, the largest first: {path, archive ("initrd", "air"), type, size, sha256,
 * package, why}. *files is a new reference.
 */
int image_files(const char *dir, json_t **files, struct err *e);

/*
 * Reads every artefact and compares its hash with the manifest's, and the
 * manifest's own hash with the id. The error names the first that differs.
 */
int image_verify(const char *dir, struct err *e);

struct image_options {
	const char *source; /* NULL: "debian" */
	const char *root;   /* source dir: the unpacked root */
	const char *mirror; /* source debian: a URL or folder instead of the system's apt
			       sources; alpine: where its packages are */
	const char *security_mirror; /* debian with a mirror: that of the security
					updates; NULL: beside it, "none" */
	const char
	    *suite; /* debian with a mirror; NULL: the system's own, else bookworm */
	const char *branch; /* alpine: "v3.21"; NULL: "latest-stable" */
	const char
	    *keys;        /* file or folder of keys of the distribution; NULL: where its
			     own   packages put them; alpine: those that came with bhyfi */
	const char *card; /* "VENDOR:DEVICE" in hex, "sim", or NULL: no card */
	const char *firmware; /* a folder with firmware of the user's own, or NULL */
	const char *kernel;   /* "distribution" (or NULL), "small" (kernel-small.h) */
	const char *output;   /* the image's folder itself; NULL: PATH_IMAGES/ID */
	const char *images;   /* without output: the folder; NULL: PATH_IMAGES */
	const char *cache;    /* NULL: PATH_DB/cache, or the user's own cache folder */
	const char *libexec;  /* where bhyfi-guest, -modprobe, -air, air/ are; NULL:
				 PATH_LIBEXEC */
	const char *init;     /* another program as /init, for tests; NULL: bhyfi-guest */
	const char *sign;     /* signify's secret key to sign with, "": the host's own,
				 made if there is none; NULL: not signed */
	bool at_once;         /* current and good at once, not a candidate */
	bool all_cards;       /* drivers and firmware of all wireless PCI cards */
	bool ap;              /* with hostapd, for mode ap; a test image has it anyway */
	bool air;             /* also make air.initrd; UKI and ESP then hold it */
	bool keep_signatures; /* leave modules as packaged; see doc/image.md */
};

/* Stages in the order in which they come; image_stage_name says them. */
enum image_stage {
	IMAGE_STAGE_LISTS,    /* the package lists are brought up to date */
	IMAGE_STAGE_PACKAGES, /* packages: downloaded, verified, unpacked */
	IMAGE_STAGE_CLOSURE,  /* modules, libraries, firmware */
	IMAGE_STAGE_KERNEL,
	IMAGE_STAGE_INITRD,
	IMAGE_STAGE_UKI,
	IMAGE_STAGE_ESP,
	IMAGE_STAGE_MANIFEST,
	IMAGE_STAGE_COUNT,
};

const char *image_stage_name(enum image_stage stage);

/*
 * Called at the start of a stage and as it goes on. total is 0 where it is not
 * known. Anything but 0 ends the build as cancelled: the way to stop it on a
 * signal with nothing left behind.
 */
typedef int image_progress_fn(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total);

struct image_result {
	struct image image;     /* where it is; image_close ends it */
	bool reused;            /* the same image was there already */
	enum store_place place; /* without output */
	bool is_signed;
	size_t packages;
	size_t files;
	size_t bytes; /* of the initrd that boots (air.initrd where there is one) */
};

/*
 * Builds an image and, without `output`, makes it the one that is tried next (store.h).
 * progress may be NULL. Needs no privileges, only folders that it can write. After an
 * error nothing of it remains but the cache of packages.
 */
int image_build(const struct image_options *opts, image_progress_fn *progress, void *arg,
    struct image_result *result, struct err *e);

/* Names of the sources, for help and checks; ends with NULL. */
const char *const *image_sources(void);

#endif
