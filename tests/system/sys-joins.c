/*
 * Networks on real guests: each kind of security by `bhyfi connect`, moving from one to
 * another, roaming within one, wpa_cli.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "nets.h"

#define WRONG_MS 20000 /* doc/networks.md: so soon a wrong passphrase is known */
#define LEASE_MS 5000  /* from association to the host's new lease */
#define TRANSFER (48u * 1024 * 1024)
#define ODD_SSID "hex:1b5b324a22ff7d0a"

static void joins(
    const struct inst *i, const char *ssid, const char *secret, const char *key_mgmt)
{
	json_t *o = nets_connect(i, ssid, secret);

	assert_string_equal(text_at(o, "wlan.key_mgmt"), key_mgmt);
	printf("# %s (%s) after %.1f s\n", text_at(o, "ssid"), key_mgmt,
	    number_at(o, "waited_ms") / 1000);
	json_decref(o);
}

static void wpa2(void **state)
{
	struct inst *i = nets_unknown(state, "wpa2");
	int64_t began = clock_ms();

	nets_connect_fails(
	    i, "bhyfi-wpa2", "not this one", ERR_FAILED, "wrong passphrase");
	printf("# a wrong passphrase is known after %.1f s\n",
	    (double)(clock_ms() - began) / 1000);
	assert_true(clock_ms() - began < WRONG_MS);
	joins(i, "bhyfi-wpa2", PASSPHRASE, "WPA2-PSK");
	lab_lan_works(i);
	lab_down(i);
}

static void wpa3(void **state)
{
	struct inst *i = nets_unknown(state, "wpa3");
	int64_t began = clock_ms();

	nets_connect_fails(
	    i, "bhyfi-wpa3", "not this one", ERR_FAILED, "wrong passphrase");
	printf("# a wrong passphrase is known after %.1f s\n",
	    (double)(clock_ms() - began) / 1000);
	assert_true(clock_ms() - began < WRONG_MS);
	joins(i, "bhyfi-wpa3", PASSPHRASE, "SAE");
	lab_lan_works(i);
	lab_down(i);
}

static void hidden(void **state)
{
	struct inst *i = nets_unknown(state, "hidden");
	struct err e = ERR_INIT;
	json_t *o;

	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){
		"connect", "bhyfi-hidden", "-p", nets_secret(i, PASSPHRASE), NULL},
	    (const char *const[]){"no such network is heard", "--hidden", NULL});
	o = inst_json(i, 90000, &e, "connect", "bhyfi-hidden", "--hidden", "-p",
	    nets_secret(i, PASSPHRASE), NULL);
	ok(o != NULL ? 0 : -1, &e);
	json_decref(o);
	nets_done(i);
	lab_lan_works(i);
	lab_down(i);
}

/* WPA2 and WPA3 at once, OWE, and a name that would move the cursor. */
static void kinds(void **state)
{
	struct inst *i = nets_unknown(state, "kinds");
	struct err e = ERR_INIT;
	char AUTO_FREE *file = NULL;
	struct child c;

	joins(i, "bhyfi-both", PASSPHRASE, "SAE");
	joins(i, "bhyfi-owe", NULL, "OWE");
	lab_lan_works(i);
	ok(inst_run(i, &c, COMMAND_MS, &e, "scan", NULL), &e);
	assert_int_equal(c.status, 0);
	assert_non_null(strstr(c.out, "\\x1b[2J\"\\xff}\\x0a"));
	assert_null(strchr(c.out, '\033'));
	child_free(&c);
	joins(i, ODD_SSID, NULL, "NONE");
	lab_lan_works(i);
	file = nets_file(i);
	assert_non_null(strstr(file, "\tssid=1b5b324a22ff7d0a\n"));
	/* wpa_cli gets it as wpa_supplicant escapes it. */
	nets_wpa_cli_says(i, "status", "\nssid=\\e[2J\\\"\\xff}\\n\n");
	lab_down(i);
}

/* The host's address follows, by the carrier alone. */
static void moves_to_another_network(void **state)
{
	struct inst *i = lab_inst(state, "two");
	struct err e = ERR_INIT;
	struct lease l;
	int64_t began;
	int watch;

	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	assert_int_equal(strncmp(l.address, "198.51.100.", 11), 0);
	watch = net_watch(&e);
	ok(watch >= 0 ? 0 : -1, &e);
	joins(i, "bhyfi-one", PASSPHRASE, "WPA2-PSK");
	ok(net_watch_carrier(watch, i->tap, false, COMMAND_MS, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, COMMAND_MS, &e), &e);
	close(watch);
	began = clock_ms();
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	printf("# a lease %lld ms after the carrier\n", (long long)(clock_ms() - began));
	assert_int_equal(strncmp(l.address, "192.0.2.", 8), 0);
	assert_true(clock_ms() - began < LEASE_MS);
	/* Both are kept: when one is gone the other is joined. */
	json_decref(lab_air(i, "ap-off ap=0"));
	nets_wait_in(i, "bhyfi-two");
	lab_down(i);
}

/* What does not concern the network that it is in is no reason to leave it. */
static void stays_while_others_change(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child c;
	int watch;

	lab_up(i);
	lab_lan_works(i);
	watch = net_watch(&e);
	ok(watch >= 0 ? 0 : -1, &e);
	ok(inst_run(
	       i, &c, COMMAND_MS, &e, "networks", "bhyfi-wpa2", "--priority", "5", NULL),
	    &e);
	assert_int_equal(c.status, 0);
	child_free(&c);
	nets_connect_fails(
	    i, "elsewhere", PASSPHRASE, ERR_FAILED, "no such network is heard");
	nets_wpa_cli_says(i, "get_network 0 priority", "5");
	nets_wpa_cli_says(i, "status", "wpa_state=COMPLETED");
	/* 0: nothing was seen. */
	assert_int_not_equal(net_watch_carrier(watch, i->tap, false, 1000, &e), 0);
	close(watch);
	lab_lan_works(i);
	lab_down(i);
}

/* A transfer in a process of its own; what it says at its end goes to the pipe. */
static int start_transfer(const char *address)
{
	struct err e = ERR_INIT;
	char text[ERR_MSG_MAX];
	int64_t gap = 0;
	int p[2];

	assert_int_equal(pipe(p), 0);
	fflush(NULL);
	if (fork() != 0) {
		close(p[1]);
		return p[0];
	}
	if (net_get_gap(address, TRANSFER, 30000, &gap, &e) == 0)
		snprintf(text, sizeof(text), "ok, longest gap %lld ms", (long long)gap);
	else
		snprintf(text, sizeof(text), "%s", e.msg);
	if (write(p[1], text, strlen(text) + 1) < 0)
		_exit(1);
	_exit(0);
}

static void hear_transfer(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[ERR_MSG_MAX] = "nothing";

	assert_int_equal(poll(&p, 1, 120000), 1);
	assert_true(read(fd, text, sizeof(text)) > 0);
	close(fd);
	printf("# transfer: %s\n", text);
	assert_int_equal(strncmp(text, "ok", 2), 0);
}

/* Until both APs are heard: it can roam only to what it knows. */
static void hear_both(const struct inst *i)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	for (int k = 0; k < 5 && n < 2; k++) {
		json_t *o = inst_json(i, COMMAND_MS, &e, "scan", NULL);

		ok(o != NULL ? 0 : -1, &e);
		n = json_array_size(json_object_get(o, "aps"));
		json_decref(o);
	}
	assert_int_equal(n, 2);
}

static void roams_within_one(void **state)
{
	struct inst *i = lab_inst(state, "ess");
	struct err e = ERR_INIT;
	char bssid[2][32], command[64];
	struct child log;
	struct lease l;
	json_t *o;
	int fd, watch;

	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	o = lab_status(i);
	snprintf(bssid[0], sizeof(bssid[0]), "%s", text_at(o, "wlan.bssid"));
	json_decref(o);
	memcpy(bssid[1], bssid[0], sizeof(bssid[1]));
	/* The two differ in one digit. */
	bssid[1][13] = bssid[0][13] == '0' ? '1' : '0';
	hear_both(i);
	watch = net_watch(&e);
	ok(watch >= 0 ? 0 : -1, &e);
	fd = start_transfer(l.gateway);
	for (int k = 1; k <= 2; k++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		snprintf(command, sizeof(command), "roam %s", bssid[k % 2]);
		nets_wpa_cli_says(i, command, "OK");
		snprintf(command, sizeof(command), "wlan: moved on to %s", bssid[k % 2]);
		ok(child_wait_text(&log, command, COMMAND_MS, &e), &e);
		/* While it goes on. */
		assert_int_equal(poll(&p, 1, 0), 0);
	}
	hear_transfer(fd);
	/* The host's interface was never unplugged. */
	assert_int_not_equal(net_watch_carrier(watch, i->tap, false, 100, &e), 0);
	close(watch);
	child_free(&log);
	lab_down(i);
}

/* 802.11k, r, v: moved by the AP's wish, with a fast transition instead of a handshake.
 * A way of key management that the supplicant does not know (2.10 this one) is passed
 * over.
 */
static void moves_as_the_ap_asks(void **state)
{
	struct inst *i = lab_inst(state, "mobility");
	struct err e = ERR_INIT;
	char mac[32], request[96], bssid[32], path[PATH_MAX];
	char AUTO_FREE *console = NULL;
	struct child log;
	json_t *o;

	inst_set(i, "log_level", "debug");
	inst_network(i, "\tssid=\"bhyfi-ess\"\n\tpsk=\"" PASSPHRASE "\"\n"
			"\tkey_mgmt=WPA-PSK SAE-EXT-KEY FT-PSK\n\tieee80211w=1\n");
	lab_write(i);
	lab_up(i);
	json_decref(lab_air(i, "log level=debug"));
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	o = lab_status(i);
	assert_string_equal(text_at(o, "wlan.key_mgmt"), "FT-PSK");
	snprintf(mac, sizeof(mac), "%s", text_at(o, "wlan.mac"));
	snprintf(bssid, sizeof(bssid), "%s", text_at(o, "wlan.bssid"));
	json_decref(o);
	hear_both(i);
	nets_wpa_cli_says(i, "neighbor_rep_request", "OK");
	/* 02:bf:00:00:NN:01, NN is its index. */
	snprintf(request, sizeof(request), "steer ap=%c to=%c station=%s", bssid[13],
	    bssid[13] == '0' ? '1' : '0', mac);
	json_decref(lab_air(i, request));
	bssid[13] = bssid[13] == '0' ? '1' : '0';
	snprintf(request, sizeof(request), "wlan: moved on to %s", bssid);
	ok(child_wait_text(&log, request, COMMAND_MS, &e), &e);
	child_free(&log);
	lab_lan_works(i);
	/* What hostapd says is on the guest's console. */
	snprintf(path, sizeof(path), "%.4000s/console.log", i->run);
	ok(fs_read_file(path, 1 << 20, &console, NULL, &e), &e);
	assert_non_null(strstr(console, "wpa_supplicant has no SAE-EXT-KEY"));
	assert_non_null(strstr(console, "BSS-TM-RESP"));
	assert_non_null(strstr(console, "authentication OK (FT)"));
	lab_down(i);
}

/* One that was not attached yet when the network was joined hears of the next time. */
static void hears(const struct inst *i, struct child *listener)
{
	for (int n = 0; n < 5; n++) {
		struct err e = ERR_INIT;

		if (child_wait_text(listener, "CONNECTED", COMMAND_MS / 4, &e) == 0)
			return;
		nets_wpa_cli_says(i, "reassociate", "OK");
	}
	fail_msg("a listening wpa_cli hears nothing: %s%s", listener->out, listener->err);
}

static void wpa_cli_drives_it(void **state)
{
	struct inst *i = lab_inst(state, "two");
	struct err e = ERR_INIT;
	char AUTO_FREE *out = NULL;
	char dir[PATH_MAX];
	struct child events, more;

	lab_up(i);
	snprintf(dir, sizeof(dir), "%.4000s/wpa", i->run);
	/* Two that listen at once: an action file is not needed to print events. */
	const char *const listen[] = {"/usr/bin/stdbuf", "-oL", "/sbin/wpa_cli", "-p",
	    dir, "-i", "wlan0", "-a", "/bin/echo", NULL};

	ok(child_start(&events, listen, &e), &e);
	ok(child_start(&more, listen, &e), &e);
	nets_wpa_cli_says(i, "status", "ssid=bhyfi-two\n");
	nets_wpa_cli_says(i, "list_networks", "0\tbhyfi-two\tany\t[CURRENT]");
	nets_wpa_cli_says(i, "scan", "OK");
	out = nets_wpa_cli(i, "add_network");
	assert_string_equal(out, "1\n");
	nets_wpa_cli_says(i, "set_network 1 ssid \"bhyfi-one\"", "OK");
	nets_wpa_cli_says(i,
	    "set_network 1 psk "
	    "d0d5e19521aa111b52f4266b07fb0e6e4984e23191ad4ccec038279e6f2dd21a",
	    "OK");
	nets_wpa_cli_says(i, "get_network 1 psk", "*");
	nets_wpa_cli_says(i, "select_network 1", "OK");
	nets_wait_in(i, "bhyfi-one");
	hears(i, &events);
	hears(i, &more);
	child_free(&events);
	child_free(&more);
	/* One that has vanished without a word is forgotten. */
	nets_wpa_cli_says(i, "status", "wpa_state=COMPLETED");
	lab_down(i);
}

LAB_MAIN("nw", LAB_TEST(wpa2), LAB_TEST(wpa3), LAB_TEST(hidden), LAB_TEST(kinds),
    LAB_TEST(moves_to_another_network), LAB_TEST(stays_while_others_change),
    LAB_TEST(roams_within_one), LAB_TEST(moves_as_the_ap_asks),
    LAB_TEST(wpa_cli_drives_it))
