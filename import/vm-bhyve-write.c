/*
 * `bhyfi plan --vm-bhyve`: the image in vm-bhyve's hands, for those who want to see it
 * boot by the tool that they know.
 *
 * What vm-bhyve does decides what the template says (1.6: lib/vm-switch, vm-run):
 *
 * - an interface without network0_switch is left out altogether, while one of an unknown
 *   switch is made and put on no bridge;
 * - `vm create` makes disk0 a file of disk0_size, which the ESP image then takes the
 *   place of;
 * - loader "uefi" is the firmware with its variables in one read-only file. Seen on
 *   15.1: it writes to them, and bhyve ends with status 4 (vm_run: errno 14). Code and
 *   variables apart are had by "uefi-custom" and uefi_vars, which looks for the code
 *   in vm_dir/.config/BHYVE_UEFI.fd.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "cleanup.h"
#include "cmd.h"
#include "fs.h"
#include "hostconf.h"
#include "os/os.h"
#include "priv.h"
#include "vm-bhyve.h"
#include "vmm/bhyve-conf.h"

#define TEMPLATE "bhyfi"
#define FIRMWARE_CODE "/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd"

static void guest_name(const struct config *c, char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "bhyfi-%s", c->instance);

	/* util::check_name wants a letter or a digit at the end. */
	if (len > 0 && strchr("_-", buf[len - 1]) != NULL)
		snprintf(buf + len, size - len, "0");
}

/* As bhyve wants it: another system's default is none. */
static const char *tap_name(const struct config *c)
{
	return bhyve_is_tap(c->interface) ? c->interface : "tap0";
}

static int esp_kib(const struct image *img, unsigned long long *kib, struct err *e)
{
	struct stat st;

	if (img->esp == NULL) {
		err_set(e, ERR_PRECONDITION,
		    "image %s: it has no ESP, from which bhyve could boot",
		    img->id != NULL ? img->id : img->dir);
		return err_hint(
		    e, "build it where systemd's EFI stub is (systemd-boot-efi)");
	}
	if (stat(img->esp, &st) < 0)
		return err_sys(e, errno, "%s", img->esp);
	*kib = ((unsigned long long)st.st_size + 1023) / 1024;
	return 0;
}

/* The settings; guest: as they are once `vm create` has taken its own out. */
static int put_settings(
    const struct config *c, const struct image *img, bool guest, FILE *out, struct err *e)
{
	const struct card_id *card = &c->card;
	unsigned long long kib;

	if (esp_kib(img, &kib, e) < 0)
		return -1;
	fprintf(out, "loader=\"uefi-custom\"\n");
	fprintf(out, "uefi_vars=\"yes\"\n");
	fprintf(out, "cpu=\"%u\"\n", c->cpus);
	fprintf(out, "memory=\"%uM\"\n", c->memory_mib);
	fprintf(out, "wired_memory=\"yes\"\n");
	fprintf(out, "comports=\"com1 com2\"\n");
	fprintf(out, "utctime=\"yes\"\n");
	fprintf(out, "virt_random=\"yes\"\n");
	fprintf(out, "disk0_type=\"virtio-blk\"\n");
	fprintf(out, "disk0_dev=\"file\"\n");
	fprintf(out, "disk0_name=\"esp.img\"\n");
	if (!guest)
		fprintf(out, "disk0_size=\"%lluK\"\n", kib);
	fprintf(out, "network0_type=\"virtio-net\"\n");
	/* No such switch: it is put on no bridge. */
	fprintf(out, "network0_switch=\"none\"\n");
	fprintf(out, "network0_device=\"%s\"\n", tap_name(c));
	if (card->kind == CARD_PCI)
		fprintf(out, "passthru0=\"%u/%u/%u\"\n", card->bus, card->slot,
		    card->function);
	return 0;
}

int vm_bhyve_template(
    const struct config *c, const struct image *img, FILE *out, struct err *e)
{
	return put_settings(c, img, false, out, e);
}

static void put_command(FILE *out, const char *const argv[])
{
	char AUTO_FREE *line = cmd_quote(argv);

	if (line != NULL)
		fprintf(out, "%s\n", line);
}
#define COMMAND(out, ...) put_command((out), (const char *const[]){__VA_ARGS__, NULL})

/* rc.conf's vm_dir where this is the host; else what its manual uses. */
static char *find_vm_dir(void)
{
	struct import_options o = {.instance = "wlan", .root = os_root()};
	struct import im = {.n = 0};
	struct finder f = {.o = &o, .im = &im};
	char *dir = hostconf_rc_get(&f, "vm_dir"), *mounted;

	if (dir != NULL && strncmp(dir, "zfs:", 4) == 0) {
		mounted = strdup(dir + 3);
		if (mounted != NULL)
			mounted[0] = '/';
		free(dir);
		return mounted;
	}
	if (dir != NULL && dir[0] == '/')
		return dir;
	free(dir);
	return strdup("/vm");
}

static int put_make(const struct config *c, const struct image *img, const char *dir,
    const char *name, FILE *out, struct err *e)
{
	char AUTO_FREE *vm_dir = find_vm_dir();
	char to[PATH_MAX], from[PATH_MAX];

	if (vm_dir == NULL)
		return err_sys(e, ENOMEM, "plan");
	snprintf(to, sizeof(to), "%s/.templates/" TEMPLATE ".conf", vm_dir);
	fprintf(out, "# once, where vm_dir is mounted at %s\n", vm_dir);
	if (dir == NULL) {
		fprintf(out, "cat >%s <<'EOF'\n", to);
		if (vm_bhyve_template(c, img, out, e) < 0)
			return -1;
		fprintf(out, "EOF\n");
	} else {
		snprintf(from, sizeof(from), "%s/" TEMPLATE ".conf", dir);
		COMMAND(out, "cp", from, to);
	}
	/* Another guest's is left as it is. */
	snprintf(to, sizeof(to), "%s/.config/BHYVE_UEFI.fd", vm_dir);
	COMMAND(out, "cp", "-n", FIRMWARE_CODE, to);
	COMMAND(out, "vm", "create", "-t", TEMPLATE, name);
	snprintf(to, sizeof(to), "%s/%s/esp.img", vm_dir, name);
	COMMAND(out, "cp", img->esp, to);
	return 0;
}

int vm_bhyve_plan(const struct config *c, const struct image *img, const char *dir,
    FILE *out, struct err *e)
{
	char name[INSTANCE_MAX + 8], card[CARD_TEXT_SIZE];
	bool pci = c->card.kind == CARD_PCI;
	unsigned long long kib;

	guest_name(c, name, sizeof(name));
	card_id_text(&c->card, card);
	if (esp_kib(img, &kib, e) < 0 || put_make(c, img, dir, name, out, e) < 0)
		return -1;
	fprintf(out, "# up\n");
	if (pci)
		COMMAND(out, "devctl", "set", "driver", "-f", card, "ppt");
	else
		fprintf(out, "# %s: a simulated card comes with bhyfi up only\n", card);
	COMMAND(out, "ifconfig", tap_name(c), "create", "up");
	COMMAND(out, "vm", "start", name);
	fprintf(out,
	    "# the guest boots and waits: its networks come from bhyfid, by bhyfi up\n");
	COMMAND(out, "vm", "console", name, "com1");
	fprintf(out, "# down\n");
	COMMAND(out, "vm", "stop", name);
	if (pci)
		COMMAND(out, "devctl", "clear", "driver", "-f", card);
	COMMAND(out, "ifconfig", tap_name(c), "destroy");
	return 0;
}

static int write_settings(const struct config *c, const struct image *img,
    const char *dir, const char *name, bool guest, struct err *e)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int ret;

	if (f == NULL)
		return err_sys(e, errno, "plan");
	ret = put_settings(c, img, guest, f, e);
	if (fclose(f) != 0 && ret == 0)
		ret = err_sys(e, errno, "plan");
	snprintf(path, sizeof(path), "%s/%s.conf", dir, name);
	if (ret == 0)
		ret = fs_write_atomic(path, 0644, text, len, e);
	free(text);
	return ret;
}

int vm_bhyve_write(const struct config *c, const char *dir, FILE *out, struct err *e)
{
	char name[INSTANCE_MAX + 8];
	struct image img;
	int ret = -1;

	if (priv_image_open(c, &img, e) < 0)
		goto out;
	guest_name(c, name, sizeof(name));
	if (dir != NULL && (fs_mkdir_p(dir, 0755, e) < 0 ||
			       write_settings(c, &img, dir, TEMPLATE, false, e) < 0 ||
			       write_settings(c, &img, dir, name, true, e) < 0))
		goto out;
	ret = vm_bhyve_plan(c, &img, dir, out, e);
out:
	image_close(&img);
	return ret;
}
