/* The peer of `make bench` is a network that works: it must not lose by being broken. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "peer.h"

#define BYTES (1024 * 1024)
#define MS 60000

static struct peer peer;

/* What a VMM of ours was started with; to be freed. */
static char *vmm_args(void **state, size_t *len)
{
	struct inst *i = lab_inst(state, "wds");
	struct err e = ERR_INIT;
	char path[64], *args;

	lab_up(i);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)lab_vmm(i));
	ok(fs_read_file(path, 65536, &args, len, &e), &e);
	lab_down(i);
	return args;
}

static void passes_both_ways(void **state)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *args = NULL;
	struct lease l;
	size_t len;

	args = vmm_args(state, &len);
	ok(peer_start(&peer, args, len, &e), &e);
	ok(net_dhcp("udhcpc", PEER_TAP, MS, &l, &e), &e);
	assert_string_equal(l.gateway, "10.0.0.1");
	assert_int_equal(strncmp(l.address, "10.0.0.", 7), 0);
	ok(net_get("192.0.2.1", BYTES, MS, &e), &e);
	ok(net_put("192.0.2.1", BYTES, MS, &e), &e);
	peer_stop(&peer);
	assert_false(net_exists(PEER_TAP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {LAB_TEST(passes_both_ways)};
	struct err e = ERR_INIT;
	int rc;

	/* Before the namespaces: packages come over the network. */
	if (peer_make(&peer, PEER_INIT, &e)) {
		printf("1..1\nnot ok 1 - %s\n", e.msg);
		return ERR_FAILED;
	}
	rc = lab_main("peer", tests, sizeof(tests) / sizeof(tests[0]));
	peer_remove(&peer);
	return rc;
}
