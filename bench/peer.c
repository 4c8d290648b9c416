#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "collect.h"
#include "fs.h"
#include "image.h"
#include "modset.h"
#include "paths.h"
#include "peer-guest.h"
#include "source.h"

#define START_MS 120000
#define ARGS_MAX 64
#define INITRD_MAX (256u << 20)
#define INIT_MAX (16u << 20)
#define XTABLES "/usr/lib/x86_64-linux-gnu/xtables/"

static const struct profile_program programs[] = {
    {PEER_RESTORE, "iptables"},
    {XTABLES "libxt_MASQUERADE.so", "iptables"},
    {0},
};

static const struct profile_file files[] = {
    {PEER_BUSYBOX, {"usr/bin/busybox"}, "busybox-static", false},
    {0},
};

static const struct profile_module modules[] = {
    {"e1000", .boot = false},
    {"iptable_filter", .boot = false},
    {"iptable_nat", .boot = false},
    {"xt_MASQUERADE", .boot = false},
    {0},
};

static const struct profile profile_peer = {"peer", programs, files, modules};

/* wifibox' own files, without comments; the networks are its user's to write. */
static const char *const texts[][2] = {
    {PEER_RULES, "*filter\n"
		 ":INPUT ACCEPT [0:0]\n"
		 ":OUTPUT ACCEPT [0:0]\n"
		 "COMMIT\n"
		 "*nat\n"
		 ":INPUT ACCEPT [0:0]\n"
		 ":OUTPUT ACCEPT [0:0]\n"
		 ":PREROUTING ACCEPT [0:0]\n"
		 ":POSTROUTING ACCEPT [0:0]\n"
		 "[0:0] -A POSTROUTING -o wlan0 -j MASQUERADE\n"
		 "COMMIT\n"},
    {PEER_WPA, "network={\n"
	       "\tssid=\"bhyfi-wds\"\n"
	       "\tpsk=\"correct horse battery\"\n"
	       "}\n"
	       "network={\n"
	       "\tssid=\"bhyfi-wds-open\"\n"
	       "\tkey_mgmt=NONE\n"
	       "}\n"},
    {PEER_UDHCPD, "start 10.0.0.2\n"
		  "end 10.0.0.254\n"
		  "max_leases 64\n"
		  "interface eth0\n"
		  "opt subnet 255.255.255.0\n"
		  "opt router " PEER_ADDRESS "\n"
		  "opt dns 192.0.2.1\n"
		  "opt lease 864000\n"
		  "lease_file /run/udhcpd.leases\n"
		  "pidfile /run/udhcpd.pid\n"},
};

static int need(struct source *s, struct err *e)
{
	struct strv names = {0};
	int rc = strv_add(&names, programs[0].package, e);

	if (rc == 0)
		rc = strv_add(&names, files[0].package, e);
	if (rc == 0)
		rc = s->ops->need(s, &names, e);
	strv_free(&names);
	return rc;
}

static int put_programs(struct source *s, struct tree *t, struct err *e)
{
	struct collect c = {.source = s, .out = t};
	struct strv paths = {0};
	int rc = 0;

	for (size_t i = 0; programs[i].path != NULL && rc == 0; i++)
		rc = strv_add(&paths, programs[i].path, e);
	if (rc == 0)
		rc = collect_programs(&c, &paths, e);
	strv_free(&paths);
	for (size_t i = 0; files[i].path != NULL && rc == 0; i++)
		rc = collect_file(&c, files[i].path, files[i].from[0], e);
	return rc;
}

/* What a test image has is left out. */
static int put_modules(struct source *s, struct tree *t, struct err *e)
{
	struct kmods kmods = {0};
	struct modset below = {.kmods = &kmods, .version = s->kernel}, own = below;
	int rc = kmods_open(&kmods, &s->files, s->kernel, e);

	if (rc == 0 && (modset_add_profile(&below, &profile_base, e) < 0 ||
			   modset_add_profile(&below, &profile_air, e) < 0 ||
			   modset_add_profile(&own, &profile_peer, e) < 0 ||
			   modset_write(&own, &below, t,
			       "usr/lib/bhyfi/modules.d/peer.list", e) < 0))
		rc = -1;
	modset_free(&own);
	modset_free(&below);
	kmods_close(&kmods);
	return rc;
}

static int put_own(struct tree *t, const char *init, struct err *e)
{
	char *data;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (tree_text(t, texts[i][0] + 1, texts[i][1], e) < 0)
			return -1;
	if (fs_read_file(init, INIT_MAX, &data, &len, e) < 0 ||
	    tree_file(t, "init", data, len, 0755, NO_PACKAGE, e) < 0)
		return -1;
	return tree_link(t, &PEER_LEASE[1], "/init", NO_PACKAGE, e);
}

static int same_kernel(const struct source *s, const struct image *img, struct err *e)
{
	if (strcmp(s->kernel, img->kernel_version) == 0)
		return 0;
	err_set(e, ERR_PRECONDITION, "the image has Linux %s, the packages %s",
	    img->kernel_version, s->kernel);
	return err_hint(e, "bhyfi image build --air");
}

/* A cache of its own: the image builder's has no drivers of Ethernet cards. */
static int fill(struct tree *t, const struct image *img, const char *init, struct err *e)
{
	static const struct image_options options = {.cache = PATH_DB "/cache/peer"};
	struct source s = {0};
	int rc = -1;

	if (source_open(&s, &options, NULL, e) == 0 && s.ops->kernel(&s, e) == 0 &&
	    same_kernel(&s, img, e) == 0 && need(&s, e) == 0 &&
	    put_programs(&s, t, e) == 0 && put_modules(&s, t, e) == 0)
		rc = put_own(t, init, e);
	source_close(&s);
	return rc;
}

/* The test image's initrd, zeros up to a multiple of four, ours: the last /init counts.
 */
static int join(const struct image *img, const char *path, struct err *e)
{
	AUTO_FREE char *first = NULL, AUTO_FREE *second = NULL, AUTO_FREE *both = NULL;
	size_t n1, n2, start;

	if (fs_read_file(img->air_initrd_cpio, INITRD_MAX, &first, &n1, e) < 0 ||
	    fs_read_file(path, INITRD_MAX, &second, &n2, e) < 0)
		return -1;
	start = (n1 + 3) / 4 * 4;
	both = calloc(1, start + n2);
	if (both == NULL)
		return err_sys(e, ENOMEM, "initrd");
	memcpy(both, first, n1);
	memcpy(both + start, second, n2);
	return fs_write_atomic(path, 0600, both, start + n2, e);
}

int peer_make(struct peer *p, const char *init, struct err *e)
{
	struct image img = {0};
	struct tree t = {0};
	int rc = -1;

	*p = (struct peer){.vmm = {.fd = {-1, -1}}};
	snprintf(
	    p->initrd, sizeof(p->initrd), "/tmp/bhyfi-peer-%d.initrd", (int)getpid());
	if (image_open(NULL, &img, e) < 0)
		goto out;
	snprintf(p->kernel, sizeof(p->kernel), "%s", img.vmlinux);
	if (img.air_initrd_cpio == NULL)
		rc = err_set(e, ERR_PRECONDITION, "%s: not a test image", img.dir);
	else if (fill(&t, &img, init, e) == 0) {
		tree_sort(&t);
		rc = tree_write_cpio(&t, p->initrd, 0, 0, NULL, e) < 0
			 ? -1
			 : join(&img, p->initrd, e);
	}
out:
	tree_free(&t);
	image_close(&img);
	return rc < 0 ? err_prefix(e, "peer") : 0;
}

void peer_remove(struct peer *p)
{
	if (p->initrd[0] != '\0')
		unlink(p->initrd);
	p->initrd[0] = '\0';
}

const char *peer_option(const char *args, size_t len, const char *option)
{
	for (size_t at = 0; at < len; at += strlen(args + at) + 1) {
		size_t next = at + strlen(args + at) + 1;

		if (strcmp(args + at, option) == 0 && next < len)
			return args + next;
	}
	return NULL;
}

/* What it said instead of being ready. */
static int why_not(const struct child *c, struct err *e)
{
	const char *said = c->out != NULL ? strstr(c->out, PEER_SAYS) : NULL;

	if (said == NULL)
		return err_prefix(e, "peer");
	return err_set(e, ERR_FAILED, "%.*s", (int)strcspn(said, "\r\n"), said);
}

int peer_start(struct peer *p, const char *args, size_t len, struct err *e)
{
	/* microvm has no PCI bus. Of q35 nothing that the guest would not use. */
	const char *argv[ARGS_MAX] = {args, "-name", "peer", "-nodefaults",
	    "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
	    "-machine", "q35,vmport=off,hpet=off,usb=off,sata=off,smbus=off", "-kernel",
	    p->kernel, "-initrd", p->initrd, "-netdev",
	    "tap,id=lan,ifname=" PEER_TAP ",script=no,downscript=no,vhost=off", "-device",
	    "e1000,netdev=lan,mac=02:00:5e:00:53:10,romfile="};
	static const char *const same[] = {
	    "-sandbox", "-accel", "-cpu", "-m", "-smp", "-append"};
	int n = 20;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		if (peer_option(args, len, same[i]) == NULL)
			continue;
		argv[n++] = same[i];
		argv[n++] = peer_option(args, len, same[i]);
	}
	if (child_start(&p->vmm, argv, e) < 0)
		return -1;
	if (child_wait_text(&p->vmm, PEER_READY, START_MS, e) == 0)
		return 0;
	why_not(&p->vmm, e);
	peer_stop(p);
	return -1;
}

void peer_stop(struct peer *p)
{
	if (p->vmm.out != NULL)
		child_free(&p->vmm);
	p->vmm = (struct child){.fd = {-1, -1}};
}
