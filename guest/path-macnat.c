/*
 * macnat: many hosts behind the radio's one address. What happens to frames stands in
 * macnat/macnat.bpf.c; here its programs are loaded and set at the ingress of both
 * interfaces. They need no other filter: EAPOL they leave to the stack themselves.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "macnat/macnat.h"
#include "path.h"

/* Made by bpftool, whose style is not ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include "macnat.skel.h"
#pragma GCC diagnostic pop

#define HANDLE 1
#define PRIORITY 1

static const char *const modules[] = {"sch_ingress", "cls_bpf", NULL};

static const char *const count_names[] = {
    [MACNAT_OUT] = "out",
    [MACNAT_IN] = "in",
    [MACNAT_GROUP] = "in to groups",
    [MACNAT_KEPT] = "EAPOL",
    [MACNAT_DROP_SHORT] = "dropped: short",
    [MACNAT_DROP_MALFORMED] = "dropped: malformed",
    [MACNAT_DROP_TAGGED] = "dropped: VLAN",
    [MACNAT_DROP_TYPE] = "dropped: not IP",
    [MACNAT_DROP_SOURCE] = "dropped: impossible source",
    [MACNAT_DROP_CONFLICT] = "dropped: another host's address",
    [MACNAT_DROP_HAIRPIN] = "dropped: to the radio's own address",
    [MACNAT_DROP_REDIRECT] = "dropped: redirects",
    [MACNAT_DROP_REFLECTED] = "dropped: our own from the air",
    [MACNAT_DROP_FOREIGN] = "dropped: another station's",
    [MACNAT_DROP_UNKNOWN] = "dropped: to no known host",
    [MACNAT_LEARNED] = "addresses learned",
    [MACNAT_MOVED] = "addresses moved",
};
_Static_assert(ARRAY_LEN(count_names) == MACNAT_COUNTS, "a name for each counter");

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level == LIBBPF_WARN)
		log_warn("%s", text);
	return 0;
}

static int load(struct path *p, struct err *e)
{
	struct macnat_config config = {.host_if = p->host_index, .air_if = p->air_index};
	struct macnat_bpf *skel;
	int n;

	if (rtnl_read_mac(p->air_if, (uint8_t *)&config.mac, e) < 0)
		return -1;
	libbpf_set_print(print);
	skel = macnat_bpf__open();
	if (skel == NULL)
		return err_sys(e, errno, "BPF programs");
	p->state = skel;
	memcpy((void *)(uintptr_t)&skel->rodata->config, &config, sizeof(config));
	n = macnat_bpf__load(skel);
	return n < 0 ? err_sys(e, -n, "BPF programs: load") : 0;
}

/* At ingress, and read back. */
static int attach(
    unsigned ifindex, const char *ifname, const struct bpf_program *prog, struct err *e)
{
	struct bpf_tc_hook hook = {
	    .sz = sizeof(hook), .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS};
	struct bpf_tc_opts want = {.sz = sizeof(want),
	    .handle = HANDLE,
	    .priority = PRIORITY,
	    .prog_fd = bpf_program__fd(prog)};
	struct bpf_tc_opts have = {
	    .sz = sizeof(have), .handle = HANDLE, .priority = PRIORITY};
	int n = bpf_tc_hook_create(&hook);

	if (n < 0 && n != -EEXIST)
		return err_sys(e, -n, "%s: clsact qdisc", ifname);
	n = bpf_tc_attach(&hook, &want);
	if (n < 0)
		return err_sys(e, -n, "%s: BPF filter", ifname);
	n = bpf_tc_query(&hook, &have);
	if (n < 0 || have.prog_id != want.prog_id)
		return err_set(
		    e, ERR_FAILED, "%s: the BPF filter is not in place", ifname);
	return 0;
}

static int macnat_install(struct path *p, struct err *e)
{
	const struct macnat_bpf *skel;

	if (path_hear_all(p, e) < 0 || load(p, e) < 0)
		return -1;
	skel = p->state;
	if (attach(p->air_index, p->air_if, skel->progs.macnat_in, e) < 0)
		return -1;
	return attach(p->host_index, p->host_if, skel->progs.macnat_out, e);
}

/* What passed, in one line. */
static void log_counts(const struct macnat_bpf *skel)
{
	char line[900] = "";
	size_t len = 0;

	for (size_t i = 0; i < MACNAT_COUNTS; i++) {
		int n;

		if (skel->bss->counts[i] == 0)
			continue;
		n = snprintf(line + len, sizeof(line) - len, "%s%" PRIu64 " %s",
		    len > 0 ? ", " : "", (uint64_t)skel->bss->counts[i], count_names[i]);
		if (n < 0 || (size_t)n >= sizeof(line) - len)
			break;
		len += (size_t)n;
	}
	log_info("macnat: %s", len > 0 ? line : "nothing passed");
}

static void macnat_remove(struct path *p)
{
	struct macnat_bpf *skel = p->state;

	path_unfilter(p);
	if (skel != NULL && skel->bss != NULL)
		log_counts(skel);
	macnat_bpf__destroy(skel);
	p->state = NULL;
}

const struct path_ops path_macnat = {"macnat", modules, macnat_install, macnat_remove};
