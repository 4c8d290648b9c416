/* What follows from configuration and image: the VM's specification, and the plan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "cleanup.h"
#include "cmd.h"
#include "msg.h"
#include "paths.h"
#include "priv.h"

/* Locally administered, unicast, another one for each instance and purpose. */
static void derive_mac(const char *instance, const char *purpose, uint8_t mac[6])
{
	uint64_t h = config_hash_text(
	    config_hash_text(config_hash_text(CONFIG_HASH_INIT, purpose), "\n"),
	    instance);

	h ^= h >> 32;
	mac[0] = 0x02;
	mac[1] = 0x62; /* 'b' */
	for (int i = 2; i < 6; i++)
		mac[i] = (uint8_t)(h >> 8 * (5 - i));
}

static int make_cmdline(struct vm_spec *s, const struct vmm_ops *vmm, struct err *e)
{
	const struct card_id *card = &s->config->card;
	bool serial = vmm != NULL && vmm->channel != NULL;
	char mac[MAC_TEXT_SIZE];
	int n;

	/*
	 * panic=-1 and reboot=t: a guest that panics ends the VMM at once (bhyve tells a
	 * reset from a triple fault, so there it is a reset). The others are for speed:
	 * no more serial ports to probe than there are, no self-tests of each cipher as
	 * it is loaded (a seventh of a boot without KVM), and with several processors
	 * no waiting for whole grace periods, of which bringing interfaces up has
	 * dozens in a row. The root is ramfs, since the size of a
	 * tmpfs is bounded by half of the memory that is free before the initrd is. The
	 * last two are for memory, in a distribution's kernel: the files of tracefs are
	 * 9 MiB, and what memory cgroups keep beside the first percpu chunk 4.
	 */
	n = snprintf(s->cmdline, sizeof(s->cmdline),
	    "console=ttyS0 quiet panic=-1 %s cryptomgr.notests"
	    " rcupdate.rcu_expedited=1 rootfstype=ramfs"
	    " initcall_blacklist=tracer_init_tracefs,event_trace_init"
	    " cgroup.memory=nokmem",
	    serial ? "8250.nr_uarts=2 bhyfi.channel=ttyS1" : "reboot=t 8250.nr_uarts=1");
	if (card->kind == CARD_SIM) {
		msg_mac_text(s->station_mac, mac);
		n += snprintf(s->cmdline + n, sizeof(s->cmdline) - (size_t)n,
		    " bhyfi.air=%s bhyfi.air.mac=%s", card->scenario, mac);
	}
	if ((size_t)n >= sizeof(s->cmdline))
		return err_set(e, ERR_FAILED, "the kernel's command line is too long");
	return 0;
}

static uint64_t mib(const char *path)
{
	struct stat st;

	return path != NULL && stat(path, &st) == 0
		   ? ((uint64_t)st.st_size + (1u << 20) - 1) >> 20
		   : 0;
}

/* Unpacked by the kernel, the initrd is there twice until that is done; what is not
 * compressed starts sooner, where there is room. */
#define SPARE_MIB 16

static const char *air_initrd(const struct config *c, const struct image *img)
{
	const struct vmm_ops *vmm = vmm_find(c->vmm);
	uint64_t need = mib(img->vmlinux) + 2 * mib(img->air_initrd_cpio) + SPARE_MIB;

	if ((vmm != NULL && vmm->uefi) || c->memory_mib < need)
		return img->air_initrd;
	return img->air_initrd_cpio;
}

int vm_spec_init(
    struct vm_spec *s, const struct config *c, const struct image *img, struct err *e)
{
	const struct vmm_ops *vmm = vmm_find(c->vmm);

	memset(s, 0, sizeof(*s));
	s->config = c;
	s->tap_fd = s->vmlinux_fd = s->initrd_fd = -1;
	for (int i = 0; i < VMM_SOCKS; i++)
		s->sock_fd[i] = -1;
	if (config_resolve_user(c->vm_user, &s->vm_uid, &s->vm_gid, e) < 0)
		return -1;
	snprintf(s->run_dir, sizeof(s->run_dir), PATH_RUN "/%s", c->instance);
	derive_mac(c->instance, "vm", s->vm_mac);
	if (c->card.kind == CARD_SIM)
		derive_mac(c->instance, "station", s->station_mac);
	s->image = img;
	s->vmlinux = img->vmlinux;
	s->vmlinuz = img->vmlinuz;
	s->stub = img->stub;
	s->initrd = c->card.kind == CARD_SIM ? air_initrd(c, img) : img->initrd;
	if (strcmp(c->image, PATH_IMAGES "/current") != 0)
		s->image_dir = c->image;
	/* A plan goes without. */
	if (img->id != NULL && vmm != NULL && vmm->needs_image && s->initrd == NULL) {
		err_set(e, ERR_PRECONDITION, "image %s: it has no simulated card",
		    img->id != NULL ? img->id : c->image);
		return err_hint(e, "bhyfi image build --air");
	}
	return make_cmdline(s, vmm, e);
}

static void plan_stop(const struct vm_spec *s, const struct vmm_ops *vmm, FILE *out)
{
	fprintf(
	    out, "# the agent is asked for a clean release; if it does not answer:\n");
	if (vmm->powerdown != NULL)
		fprintf(out,
		    "printf '%%s\\n' '{\"execute\":\"qmp_capabilities\"}' "
		    "'{\"execute\":\"system_powerdown\"}' | socat - UNIX-CONNECT:%s/%s\n",
		    s->run_dir, vmm_sock_names[VMM_SOCK_MONITOR]);
	else
		fprintf(out, "kill -TERM $VM\n");
	fprintf(out, "wait $VM\n");
}

/* The image, unless there is none: then its place will do. */
static int plan_image(const struct config *c, struct image *img, struct err *e)
{
	struct err why = ERR_INIT;

	if (priv_image_open(c, img, &why) == 0)
		return 0;
	if (why.code == ERR_PRECONDITION && vmm_find(c->vmm)->uefi) {
		image_close(img);
		memset(img, 0, sizeof(*img));
		return 0;
	}
	if (e != NULL)
		*e = why;
	return -1;
}

static int plan_vmm(const struct vm_spec *s, enum vmm_step step, FILE *out, struct err *e)
{
	const struct vmm_ops *vmm = vmm_find(s->config->vmm);

	return vmm->plan != NULL ? vmm->plan(s, step, out, e) : 0;
}

/* What FreeBSD's paths are is known elsewhere, too: those of its default prefix. */
static void plan_run_dir(struct vm_spec *s, const struct vmm_ops *vmm)
{
	if (vmm->os != NULL && !os_is_native(vmm->os) && s->config->sysroot[0] == '\0')
		snprintf(s->run_dir, sizeof(s->run_dir), "/var/run/bhyfi/%s",
		    s->config->instance);
}

static int plan_up(
    const struct vm_spec *s, const struct os_ops *os, FILE *out, struct err *e)
{
	const struct config *c = s->config;
	const struct vmm_ops *vmm = vmm_find(c->vmm);
	struct argv a = {0};
	char AUTO_FREE *line = NULL;

	fprintf(out, "# up\n");
	os->plan(c, OS_STEP_PREPARE, s->vm_uid, out);
	if (plan_vmm(s, VMM_STEP_PREPARE, out, e) < 0)
		return -1;
	if (vmm->command(s, &a, e) == 0 &&
	    (line = cmd_quote((const char *const *)a.v)) == NULL)
		err_sys(e, ENOMEM, "plan");
	argv_free(&a);
	if (line == NULL)
		return -1;
	if (!vmm->needs_root)
		fprintf(out,
		    "# as user %s, in an empty network namespace, by descriptors:\n",
		    c->vm_user);
	fprintf(out, "%s & VM=$!\n", line);
	if (plan_vmm(s, VMM_STEP_STARTED, out, e) < 0)
		return -1;
	fprintf(out, "# MAC %s the radio's, which the guest tells\n",
	    c->mode == MODE_CLONE ? "is" : "is not");
	os->plan(c, OS_STEP_ONLINE, s->vm_uid, out);
	return 0;
}

int priv_plan(const struct config *c, FILE *out, struct err *e)
{
	const struct vmm_ops *vmm = vmm_find(c->vmm);
	const struct os_ops *os;
	struct image img;
	struct vm_spec s;
	int ret = -1;

	memset(&img, 0, sizeof(img));
	/* As the system itself knows its paths, whatever folder stands for it here. */
	if (os_select(vmm->os, "", &os, e) < 0 || plan_image(c, &img, e) < 0 ||
	    vm_spec_init(&s, c, &img, e) < 0)
		goto out;
	plan_run_dir(&s, vmm);
	if (plan_up(&s, os, out, e) < 0)
		goto out;
	fprintf(out, "# down\n");
	plan_stop(&s, vmm, out);
	if (plan_vmm(&s, VMM_STEP_CLEANUP, out, e) < 0)
		goto out;
	os->plan(c, OS_STEP_RELEASE, s.vm_uid, out);
	ret = 0;
out:
	image_close(&img);
	return ret;
}
