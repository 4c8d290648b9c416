/*
 * The build, in the order of enum image_stage. All files are written into a workspace
 * next to the place where the image will be; then the manifest is made of what was
 * written, gives the id, and the workspace gets that as its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bzimage.h"
#include "cleanup.h"
#include "contents.h"
#include "esp.h"
#include "fs.h"
#include "hash.h"
#include "kernel-small.h"
#include "log.h"
#include "manifest.h"
#include "modset.h"
#include "paths.h"
#include "pe.h"
#include "sbom.h"
#include "uki.h"
#include "workspace.h"

/* doc/image.md says how it was chosen. */
#define ZSTD_LEVEL 9
/* For UEFI machines (bhyve); where the VMM loads the kernel it gives its own. */
/* ramfs: see make_cmdline() in host/priv-plan.c. */
#define UKI_CMDLINE                                                                      \
	"console=ttyS0 quiet panic=-1 rootfstype=ramfs "                                 \
	"initcall_blacklist=tracer_init_tracefs,event_trace_init "                       \
	"cgroup.memory=nokmem"
#define INITRD_MAX (512u << 20)

struct build {
	struct image_options opts;
	struct steps steps;
	struct source source;
	struct contents contents;
	struct workspace ws;
	char *vmlinuz;
	size_t vmlinuz_len;
	size_t vmlinuz_package, stub_package;
	int64_t mtime;
	bool has_uki, small;
	/* Hashes of the archives before they are compressed; "": there is none. */
	char base_hash[HASH_HEX], air_hash[HASH_HEX];
	json_t *manifest;
};

static char *in_workspace(const struct build *b, const char *name, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", b->ws.dir, name) < 0) {
		err_sys(e, ENOMEM, "%s", name);
		return NULL;
	}
	return path;
}

static int step(struct build *b, enum image_stage stage, const char *what, struct err *e)
{
	return step_report(&b->steps, stage, what, 0, 0, e);
}

static int write_file(
    struct build *b, const char *name, const char *data, size_t len, struct err *e)
{
	char AUTO_FREE *path = in_workspace(b, name, e);
	int AUTO_CLOSE fd = -1;

	if (path == NULL)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return fs_write_all(fd, data, len, e) < 0 ? err_prefix(e, "%s", path) : 0;
}

static int make_kernel(struct build *b, struct err *e)
{
	const struct file *f = source_vmlinuz(&b->source, b->source.kernel);
	char AUTO_FREE *path = in_workspace(b, "vmlinux", e);
	char AUTO_FREE *elf = NULL;
	struct bzimage bz;
	size_t len;

	if (f == NULL)
		return err_set(e, ERR_PRECONDITION,
		    "kernel %s: no vmlinuz of that version", b->source.kernel);
	b->vmlinuz_package = f->package;
	if (path == NULL || step(b, IMAGE_STAGE_KERNEL, b->source.kernel, e) < 0 ||
	    fs_read_file(f->disk, BZIMAGE_MAX, &b->vmlinuz, &b->vmlinuz_len, e) < 0 ||
	    bzimage_parse(b->vmlinuz, b->vmlinuz_len, b->vmlinuz_len, &bz, e) < 0 ||
	    bzimage_unpack(b->vmlinuz, b->vmlinuz_len, &bz, &elf, &len, e) < 0)
		return -1;
	if (write_file(b, "vmlinuz", b->vmlinuz, b->vmlinuz_len, e) < 0)
		return -1;
	return write_sparse(path, elf, len, e);
}

/* An initrd, then zeros up to a multiple of four (as the kernel wants between
 * archives), then the overlay. */
static int join_initrds(struct build *b, const char *initrd, const char *overlay,
    const char *name, struct err *e)
{
	char AUTO_FREE *path = in_workspace(b, initrd, e);
	char AUTO_FREE *first = NULL;
	char AUTO_FREE *second = NULL;
	char AUTO_FREE *both = NULL;
	size_t n1, n2, pad;

	if (path == NULL || fs_read_file(path, INITRD_MAX, &first, &n1, e) < 0 ||
	    fs_read_file(overlay, INITRD_MAX, &second, &n2, e) < 0)
		return -1;
	pad = (4 - n1 % 4) % 4;
	both = calloc(1, n1 + pad + n2);
	if (both == NULL)
		return err_sys(e, ENOMEM, "%s", name);
	memcpy(both, first, n1);
	memcpy(both + n1 + pad, second, n2);
	return write_file(b, name, both, n1 + pad + n2, e);
}

static int make_overlay(struct build *b, const char *initrd, const char *name, int level,
    char *hex, struct err *e)
{
	char AUTO_FREE *overlay = in_workspace(b, "overlay", e);

	if (overlay == NULL || step(b, IMAGE_STAGE_INITRD, name, e) < 0 ||
	    tree_write_cpio(&b->contents.air, overlay, level, b->mtime, hex, e) < 0 ||
	    join_initrds(b, initrd, overlay, name, e) < 0)
		return -1;
	return unlink(overlay) < 0 ? err_sys(e, errno, "%s", overlay) : 0;
}

/*
 * air.initrd goes into the UKI, where the firmware's reading counts. air.initrd.cpio is
 * the same, not compressed, for QEMU: unpacking 35 MiB of zstd is half a second of an
 * emulated boot. A real card's initrd stays compressed: it runs on real processors,
 * and both copies of its firmware at once would need twice the memory.
 */
static int make_air_initrds(struct build *b, struct err *e)
{
	char AUTO_FREE *plain = in_workspace(b, "plain", e);

	if (plain == NULL ||
	    make_overlay(b, "initrd", "air.initrd", ZSTD_LEVEL, b->air_hash, e) < 0 ||
	    tree_write_cpio(&b->contents.base, plain, 0, b->mtime, NULL, e) < 0 ||
	    make_overlay(b, "plain", "air.initrd.cpio", 0, NULL, e) < 0)
		return -1;
	return unlink(plain) < 0 ? err_sys(e, errno, "%s", plain) : 0;
}

static int make_initrds(struct build *b, struct err *e)
{
	char AUTO_FREE *path = in_workspace(b, "initrd", e);

	if (path == NULL || step(b, IMAGE_STAGE_INITRD, "initrd", e) < 0 ||
	    tree_write_cpio(
		&b->contents.base, path, ZSTD_LEVEL, b->mtime, b->base_hash, e) < 0)
		return -1;
	return b->opts.air ? make_air_initrds(b, e) : 0;
}

static const char *boot_initrd(const struct build *b)
{
	return b->opts.air ? "air.initrd" : "initrd";
}

/* Keeps the stub, for the ESP of each start (image_esp). 1 where the source has none
 * (another distribution's root). */
static int keep_stub(struct build *b, struct err *e)
{
	const struct file *f = fileset_resolve(&b->source.files, PROFILE_STUB_PATH);
	char AUTO_FREE *stub = NULL;
	size_t len;

	if (f == NULL) {
		log_warn("%s has no " PROFILE_STUB_PATH ": no stub.efi, uki.efi, esp.img",
		    b->opts.root == NULL ? b->source.ops->name : b->opts.root);
		return 1;
	}
	b->stub_package = f->package;
	if (fs_read_file(f->disk, PE_FILE_MAX, &stub, &len, e) < 0)
		return -1;
	return write_file(b, "stub.efi", stub, len, e);
}

/* Of what the workspace holds. */
static int assemble_uki(struct build *b, char **uki, size_t *len, struct err *e)
{
	char AUTO_FREE *stub = in_workspace(b, "stub.efi", e);
	char AUTO_FREE *vmlinuz = in_workspace(b, "vmlinuz", e);
	char AUTO_FREE *initrd = in_workspace(b, boot_initrd(b), e);

	if (stub == NULL || vmlinuz == NULL || initrd == NULL)
		return -1;
	const struct uki_parts parts = {.stub = stub,
	    .vmlinuz = vmlinuz,
	    .initrd = initrd,
	    .kernel = b->source.kernel,
	    .cmdline = UKI_CMDLINE};

	return uki_make(&parts, uki, len, e);
}

static int make_uki(struct build *b, struct err *e)
{
	char AUTO_FREE *path = in_workspace(b, "esp.img", e);
	char AUTO_FREE *uki = NULL;
	size_t len;
	int r;

	if (path == NULL || step(b, IMAGE_STAGE_UKI, "uki.efi", e) < 0)
		return -1;
	r = keep_stub(b, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (assemble_uki(b, &uki, &len, e) < 0 ||
	    write_file(b, "uki.efi", uki, len, e) < 0 ||
	    step(b, IMAGE_STAGE_ESP, "esp.img", e) < 0 ||
	    esp_write(path, uki, len, e) < 0)
		return -1;
	b->has_uki = true;
	return 0;
}

static int manifest_add(json_t *o, const char *key, json_t *value, struct err *e)
{
	if (value == NULL)
		return -1; /* e is filled */
	if (json_object_set_new(o, key, value) != 0)
		return err_sys(e, ENOMEM, "manifest");
	return 0;
}

static bool is_efi(const char *name)
{
	return strcmp(name, "stub.efi") == 0 || strcmp(name, "uki.efi") == 0 ||
	       strcmp(name, "esp.img") == 0;
}

static int add_artefacts(struct build *b, struct err *e)
{
	json_t *o = json_object();

	if (manifest_add(b->manifest, "artefacts", o, e) < 0)
		return -1;
	for (size_t i = 0; artefact_names[i] != NULL; i++) {
		const char *name = artefact_names[i];

		if ((strncmp(name, "air.", 4) == 0 && !b->opts.air) ||
		    (is_efi(name) && !b->has_uki) || strcmp(name, SBOM_NAME) == 0)
			continue;
		if (step(b, IMAGE_STAGE_MANIFEST, name, e) < 0 ||
		    manifest_add(o, name, manifest_artefact(b->ws.dir, name, e), e) < 0)
			return -1;
	}
	return 0;
}

static int add_files(struct build *b, struct err *e)
{
	bool AUTO_FREE *used = calloc(b->source.package_count + 1, sizeof(*used));
	json_t *files = json_object();

	if (used == NULL || manifest_add(b->manifest, "files", files, e) < 0)
		return err_sys(e, ENOMEM, "manifest");
	if (b->vmlinuz_package != NO_PACKAGE)
		used[b->vmlinuz_package] = true;
	if (b->stub_package != NO_PACKAGE)
		used[b->stub_package] = true;
	if (manifest_add(files, "initrd",
		manifest_files(&b->contents.base, &b->source, used, e), e) < 0)
		return -1;
	if (b->opts.air &&
	    manifest_add(files, "air",
		manifest_files(&b->contents.air, &b->source, used, e), e) < 0)
		return -1;
	return manifest_add(
	    b->manifest, "packages", manifest_packages(&b->source, used, e), e);
}

/* What the initrds hold, whatever compressed them. */
static int add_cpio(struct build *b, struct err *e)
{
	json_t *o = json_object();

	if (manifest_add(b->manifest, "cpio", o, e) < 0 ||
	    manifest_add(o, "initrd", json_string(b->base_hash), e) < 0 ||
	    (b->opts.air && manifest_add(o, "air", json_string(b->air_hash), e) < 0))
		return -1;
	return manifest_add(b->manifest, "compressor", json_string(tree_compressor()), e);
}

static int add_sbom(struct build *b, struct err *e)
{
	json_t *sbom = sbom_make(b->manifest, &b->source, e);
	int r = -1;

	if (sbom != NULL && step(b, IMAGE_STAGE_MANIFEST, SBOM_NAME, e) == 0 &&
	    sbom_write(b->ws.dir, sbom, e) == 0)
		r = manifest_add(json_object_get(b->manifest, "artefacts"), SBOM_NAME,
		    manifest_artefact(b->ws.dir, SBOM_NAME, e), e);
	json_decref(sbom);
	return r;
}

static int make_manifest(struct build *b, struct err *e)
{
	char AUTO_FREE *id = NULL;

	b->manifest = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "format",
	    MANIFEST_FORMAT, "source", b->source.ops->name, "kernel", b->source.kernel,
	    "built_by", "bhyfi " BHYFI_VERSION, "cmdline", UKI_CMDLINE, "air",
	    b->opts.air, "signatures", b->opts.keep_signatures, "card",
	    b->opts.all_cards      ? "all"
	    : b->opts.card != NULL ? b->opts.card
	    : b->opts.air          ? "sim"
				   : "none");
	if (b->manifest == NULL)
		return err_sys(e, ENOMEM, "manifest");
	if (manifest_add(b->manifest, "kernel_kind",
		json_string(b->small ? "small" : "distribution"), e) < 0 ||
	    add_artefacts(b, e) < 0 || add_files(b, e) < 0 || add_cpio(b, e) < 0)
		return -1;
	id = manifest_id(b->manifest, e);
	if (id == NULL || manifest_add(b->manifest, "id", json_string(id), e) < 0 ||
	    add_sbom(b, e) < 0)
		return -1;
	return manifest_write(b->ws.dir, b->manifest, e);
}

/* Where the host's key can not be had, an image for elsewhere goes without. */
static int sign(
    struct build *b, const char *dir, struct image_result *result, struct err *e)
{
	struct err why = ERR_INIT;

	if (b->opts.sign == NULL)
		return 0;
	result->is_signed = image_sign(dir, b->opts.sign, &why) == 0;
	if (result->is_signed)
		return 0;
	if (b->opts.output == NULL || b->opts.sign[0] != '\0') {
		if (e != NULL)
			*e = why;
		return err_prefix(e, "sign");
	}
	log_warn("%s is not signed: %s", b->opts.output, why.msg);
	return 0;
}

/* Into PATH_IMAGES/ID; an image of that id that is whole stays where it is. */
static int publish_store(struct build *b, struct image_result *result, struct err *e)
{
	const char *id = json_string_value(json_object_get(b->manifest, "id"));
	char AUTO_FREE *path = NULL;
	struct err old = ERR_INIT;

	if (asprintf(&path, "%s/%s", b->ws.parent, id) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "image");
	}
	result->reused = image_verify(path, NULL) == 0;
	if (sign(b, result->reused ? path : b->ws.dir, result, e) < 0)
		return -1;
	if ((!result->reused && workspace_publish(&b->ws, id, true, e) < 0) ||
	    store_publish(b->ws.parent, id, b->opts.at_once, &result->place, e) < 0)
		return -1;
	if (store_prune(b->ws.parent, PATH_RUN, &old) < 0)
		log_warn("old images stay: %s", old.msg);
	return image_open(path, &result->image, e);
}

static int publish_output(struct build *b, struct image_result *result, struct err *e)
{
	const char *name = strrchr(b->opts.output, '/');

	name = name == NULL ? b->opts.output : name + 1;
	if (sign(b, b->ws.dir, result, e) < 0 ||
	    workspace_publish(&b->ws, name, true, e) < 0)
		return -1;
	return image_open(b->opts.output, &result->image, e);
}

static int count(struct build *b, struct image_result *result, struct err *e)
{
	struct stat st;
	char AUTO_FREE *path = in_workspace(b, boot_initrd(b), e);

	if (path == NULL)
		return -1;
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "%s", path);
	result->bytes = (size_t)st.st_size;
	result->files = b->contents.base.n + b->contents.air.n;
	result->packages = json_array_size(json_object_get(b->manifest, "packages"));
	return 0;
}

/* A folder that exists and is neither empty nor an image is somebody else's. */
static int check_output(const char *output, struct err *e)
{
	char AUTO_FREE *manifest = NULL;
	struct stat st;

	if (asprintf(&manifest, "%s/" MANIFEST_NAME, output) < 0)
		return err_sys(e, ENOMEM, "output");
	if (output[0] == '\0' || output[strlen(output) - 1] == '/')
		return err_set(
		    e, ERR_USAGE, "output: not a folder's name: \"%s\"", output);
	if (lstat(output, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", output);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "%s: exists and is no folder", output);
	if (stat(manifest, &st) == 0 || rmdir(output) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "%s: exists and is no image", output);
}

static int open_workspace(struct build *b, struct err *e)
{
	char AUTO_FREE *parent = NULL;
	const char *slash;

	if (b->opts.output == NULL)
		return workspace_open(
		    &b->ws, b->opts.images != NULL ? b->opts.images : PATH_IMAGES, e);
	if (check_output(b->opts.output, e) < 0)
		return -1;
	slash = strrchr(b->opts.output, '/');
	if (slash == NULL)
		parent = strdup(".");
	else if (slash == b->opts.output)
		parent = strdup("/");
	else
		parent = strndup(b->opts.output, (size_t)(slash - b->opts.output));
	if (parent == NULL)
		return err_sys(e, ENOMEM, "output");
	return workspace_open(&b->ws, parent, e);
}

static int check_options(struct build *b, struct err *e)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	unsigned vendor, device;
	char *end;

	if (kernel_is_small(&b->opts, &b->small, e) < 0)
		return -1;
	if (b->opts.card != NULL && strcmp(b->opts.card, "sim") == 0)
		b->opts.air = true;
	if (b->opts.all_cards && card_is_real(b->opts.card))
		return err_set(e, ERR_USAGE, "image build: one card, or --all-cards");
	if (card_is_real(b->opts.card) &&
	    card_parse(b->opts.card, &vendor, &device, e) < 0)
		return -1;
	if (epoch != NULL) {
		b->mtime = strtoll(epoch, &end, 10);
		if (*epoch == '\0' || *end != '\0' || b->mtime < 0 ||
		    b->mtime > UINT32_MAX)
			return err_set(
			    e, ERR_USAGE, "SOURCE_DATE_EPOCH: not a time: %s", epoch);
	}
	return 0;
}

static int build(struct build *b, struct image_result *result, struct err *e)
{
	if (check_options(b, e) < 0 || contents_programs(&b->opts, e) < 0 ||
	    open_workspace(b, e) < 0 ||
	    source_open(&b->source, &b->opts, &b->steps, e) < 0 ||
	    b->source.ops->kernel(&b->source, e) < 0 ||
	    contents_fill(&b->contents, &b->source, e) < 0 || make_kernel(b, e) < 0 ||
	    make_initrds(b, e) < 0 || make_uki(b, e) < 0 || make_manifest(b, e) < 0 ||
	    count(b, result, e) < 0)
		return -1;
	return b->opts.output == NULL ? publish_store(b, result, e)
				      : publish_output(b, result, e);
}

int image_build(const struct image_options *opts, image_progress_fn *progress, void *arg,
    struct image_result *result, struct err *e)
{
	struct build b = {.opts = *opts,
	    .steps = {progress, arg},
	    .ws = {.lock = -1},
	    .vmlinuz_package = NO_PACKAGE,
	    .stub_package = NO_PACKAGE};
	int r;

	*result = (struct image_result){0};
	r = build(&b, result, e);
	json_decref(b.manifest);
	free(b.vmlinuz);
	contents_free(&b.contents);
	source_close(&b.source);
	workspace_close(&b.ws);
	if (r < 0)
		image_close(&result->image);
	return r;
}
