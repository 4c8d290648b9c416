/*
 * The main job, end to end, on a machine without a Wi-Fi card: an image, a guest, a
 * simulated WLAN; then what any host would do with its interface. On Linux all of it
 * in namespaces of our own: the host's network is not touched. On FreeBSD, under bhyve,
 * on a tap beside the host's interfaces, without a default route.
 *
 *     demo FILE            writes what was seen to FILE as JSON
 *     demo FILE prebuilt   the image is there already
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "inst.h"
#include "net.h"
#include "ns.h"
#include "paths.h"

#define BHYFI BHYFI_TEST_BIN "/bhyfi"
#define IMAGE_MS (30 * 60 * 1000) /* the first time it fetches 80 MB of packages */
#define UP_MS 130000
#define BAR 36

struct demo {
	struct inst inst;
	json_t *result;
	int64_t start;
};

static bool terminal;

static void heading(const struct demo *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void heading(const struct demo *d, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("\n%s%5.1f s  %s%s\n", terminal ? "\033[1m" : "",
	    (double)(clock_ms() - d->start) / 1e3, text, terminal ? "\033[0m" : "");
	fflush(stdout);
}

static void line(const char *label, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void line(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("         %-12s ", label);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

static int build_image(struct demo *d, bool prebuilt, struct err *e)
{
	const char *const build[] = {BHYFI, "image", "build", "--air", "--current", NULL};
	const char *const verify[] = {BHYFI, "image", "verify", NULL};
	const char *const *argv = prebuilt ? verify : build;
	int status;

	heading(d,
	    "The image: Debian's kernel and Wi-Fi programs, our PID 1, a simulated "
	    "WLAN");
	if (child_show(argv, IMAGE_MS, &status, e))
		return -1;
	return status ? err_set(e, ERR_FAILED, "the image could not be %s",
			    prebuilt ? "verified" : "built")
		      : 0;
}

/* One bar per stage, from the end of the one before to its own. */
static void show_stages(const json_t *stages)
{
	double total = 1, before = 0;
	const char *name;
	json_t *ms;

	json_object_foreach ((json_t *)(uintptr_t)stages, name, ms) {
		if (json_number_value(ms) > total)
			total = json_number_value(ms);
	}
	json_object_foreach ((json_t *)(uintptr_t)stages, name, ms) {
		double at = json_number_value(ms) > 0 ? json_number_value(ms) : 0;
		int from = (int)(before / total * BAR), to = (int)(at / total * BAR);

		if (to <= from)
			to = from < BAR ? from + 1 : from;
		printf("         %-12s %6.2f s  %*s", name, at / 1e3, from, "");
		for (int i = from; i < to; i++)
			fputs(terminal ? "\342\226\210" : "#", stdout);
		printf("\n");
		before = at;
	}
}

static int go_online(struct demo *d, struct err *e)
{
	const char *const argv[] = {
	    BHYFI, "-i", d->inst.name, "up", "--wait", "120", NULL};
	int64_t start = clock_ms();
	json_t *o;
	int status;

	heading(d,
	    "bhyfi up: a virtual machine with the card, wpa_supplicant, the LAN on "
	    "%s",
	    d->inst.tap);
	if (child_show(argv, UP_MS, &status, e))
		return -1;
	if (status)
		return err_set(e, ERR_FAILED, "bhyfi up: status %d", status);
	json_object_set_new(
	    d->result, "online_s", json_real((double)(clock_ms() - start) / 1e3));
	o = inst_json(&d->inst, 10000, e, "status", NULL);
	if (!o)
		return -1;
	json_object_set(d->result, "stages", json_at(o, "stages"));
	json_object_set(d->result, "mode", json_at(o, "mode"));
	show_stages(json_at(o, "stages"));
	json_decref(o);
	return 0;
}

static int get_addresses(struct demo *d, struct lease *l, struct err *e)
{
	json_t *list = json_array();
	struct ipv6 v6;

	heading(
	    d, "The host's own DHCP client and router advertisements on %s", d->inst.tap);
	json_object_set_new(d->result, "ipv6", list);
	if (net_dhcp("udhcpc", d->inst.tap, 20000, l, e))
		return -1;
	json_object_set_new(d->result, "lease", json_string(l->address));
	json_object_set_new(d->result, "gateway", json_string(l->gateway));
	line("IPv4", "%s from %s, gateway %s", l->address, l->server, l->gateway);
	if (net_ipv6(d->inst.tap, 30000, &v6, e))
		return -1;
	for (size_t i = 0; i < v6.n; i++) {
		json_array_append_new(list, json_string(v6.address[i]));
		line("IPv6", "%s, router %s", v6.address[i], v6.router);
	}
	json_object_set_new(d->result, "router6", json_string(v6.router));
	return 0;
}

static int ping(struct demo *d, const char *label, const char *key, const char *address,
    struct err *e)
{
	double best = 0, ms;

	for (int i = 0; i < 3; i++) {
		if (net_ping(address, 10000, &ms, e))
			return -1;
		if (i == 0 || ms < best)
			best = ms;
	}
	json_object_set_new(d->result, key, json_real(best));
	line(label, "%s answers in %.1f ms", address, best);
	return 0;
}

static int measure(struct demo *d, struct err *e)
{
	json_t *o;

	heading(d, "How fast, there and back (both ends are emulated)");
	o = inst_json(&d->inst, 60000, e, "speedtest", "--time", "3", NULL);
	if (!o)
		return -1;
	json_object_set(d->result, "down_mbps", json_at(o, "down_mbps"));
	json_object_set(d->result, "up_mbps", json_at(o, "up_mbps"));
	line("down", "%.1f Mbit/s", number_at(o, "down_mbps"));
	line("up", "%.1f Mbit/s", number_at(o, "up_mbps"));
	json_decref(o);
	return 0;
}

static json_int_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (json_int_t)st.st_size;
}

/* MiB that the guest was given: QEMU's -m, bhyve's memory.size; 0: not known. */
static int given_memory(const struct demo *d, pid_t pid)
{
	char path[PATH_MAX + 16];
	char AUTO_FREE *conf = NULL;
	struct process vmm;
	const char *m = NULL;

	if (process_get(pid, &vmm) && (m = strstr(vmm.args, " -m ")))
		return atoi(m + strlen(" -m "));
	snprintf(path, sizeof(path), "%s/bhyve.conf", d->inst.run);
	if (fs_read_file(path, 65536, &conf, NULL, NULL) == 0)
		m = strstr(conf, "memory.size=");
	return m ? atoi(m + strlen("memory.size=")) : 0;
}

/* The image in one file (kernel and initrds), what of it QEMU loads uncompressed, and
 * the memory that the guest was given. */
static int weigh(struct demo *d, struct err *e)
{
	json_t *o = inst_json(&d->inst, 10000, e, "status", NULL);
	int given;

	if (!o)
		return -1;
	json_object_set_new(d->result, "image_bytes",
	    json_integer(size_of(PATH_IMAGES "/current/uki.efi")));
	json_object_set_new(d->result, "loaded_bytes",
	    json_integer(size_of(PATH_IMAGES "/current/vmlinux") +
			 size_of(PATH_IMAGES "/current/air.initrd.cpio")));
	given = given_memory(d, (pid_t)number_at(o, "pid"));
	if (given > 0)
		json_object_set_new(d->result, "guest_mem_mib", json_integer(given));
	json_object_set_new(d->result, "guest_mem_available_mib",
	    json_integer((json_int_t)(number_at(o, "guest.mem_available_kib") / 1024)));
	json_decref(o);
	return 0;
}

static int show_status(struct demo *d, struct err *e)
{
	const char *const argv[] = {BHYFI, "-i", d->inst.name, "status", NULL};
	int status;

	heading(d, "bhyfi status");
	if (child_show(argv, 10000, &status, e) || weigh(d, e))
		return -1;
	return status ? err_set(e, ERR_FAILED, "bhyfi status: status %d", status) : 0;
}

static int stop(struct demo *d, struct err *e)
{
	const char *const argv[] = {BHYFI, "-i", d->inst.name, "down", NULL};
	int status;

	heading(d, "bhyfi down: radio quiet, driver unbound, interface gone");
	if (child_show(argv, 60000, &status, e))
		return -1;
	return status ? err_set(e, ERR_FAILED, "bhyfi down: status %d", status) : 0;
}

static int use_network(struct demo *d, struct err *e)
{
	struct lease l;

	if (get_addresses(d, &l, e))
		return -1;
	heading(d, "The gateway, through tap, guest and radio");
	if (ping(d, "IPv4", "ping_ms", l.gateway, e) ||
	    ping(d, "IPv6", "ping6_ms", text_at(d->result, "router6"), e) ||
	    measure(d, e))
		return -1;
	return show_status(d, e);
}

static int run(struct demo *d, struct err *e)
{
	int rc;

	inst_init(&d->inst, "demo", "wpa2");
	inst_remove(&d->inst);
	if (inst_write(&d->inst, e))
		return -1;
	rc = go_online(d, e) || use_network(d, e) ? -1 : 0;
	if (rc)
		/* The first error is the one to show. */
		stop(d, NULL);
	else
		rc = stop(d, e);
	return rc;
}

static int write_result(const struct demo *d, const char *path, struct err *e)
{
	char *text = json_dumps(d->result, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	int rc;

	if (!text)
		return err_set(e, ERR_FAILED, "%s: out of memory", path);
	rc = fs_write_atomic(path, 0644, text, strlen(text), e);
	free(text);
	return rc;
}

static int fail(const struct err *e)
{
	fprintf(stderr, "demo: %s%s%s%s\n", e->msg, e->hint[0] ? " (" : "", e->hint,
	    e->hint[0] ? ")" : "");
	return e->code ? (int)e->code : ERR_FAILED;
}

int main(int argc, char **argv)
{
	struct demo d = {.start = clock_ms()};
	struct err e = ERR_INIT;

	bool prebuilt = argc == 3 && strcmp(argv[2], "prebuilt") == 0;

	if (argc != 2 && !prebuilt) {
		fprintf(stderr, "usage: demo FILE [prebuilt]\n");
		return ERR_USAGE;
	}
	terminal = isatty(STDOUT_FILENO);
	d.result = json_object();
	/* The image's packages come over the host's network; all else does not need it.
	 */
	if (ns_check_tun(&e) || build_image(&d, prebuilt, &e) || ns_enter(&e) ||
	    run(&d, &e) || write_result(&d, argv[1], &e))
		return fail(&e);
	heading(&d, "Done. All of it is in %s", argv[1]);
	json_decref(d.result);
	return 0;
}
