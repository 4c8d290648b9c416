/*
 * scan, connect, forget, networks and wpa_cli against the daemon with `vmm = fake`: what
 * needs no radio waves. The networks of scenario `two` are bhyfi-one and bhyfi-two; the
 * second is in the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "nets.h"

static struct inst *fake(void **state, const char *scenario)
{
	struct inst *i = lab_inst(state, scenario);

	inst_set(i, "vmm", "fake");
	lab_write(i);
	return i;
}

static void write_file(const struct inst *i, const char *text)
{
	struct err e = ERR_INIT;

	ok(fs_write_atomic(i->networks, 0600, text, strlen(text), &e), &e);
}

static const json_t *by_ssid(const json_t *list, const char *ssid)
{
	const json_t *o;
	size_t n;

	json_array_foreach (list, n, o)
		if (strcmp(text_at(o, "ssid"), ssid) == 0)
			return o;
	print_error("no %s in the list\n", ssid);
	fail();
	return NULL;
}

static void run_ok(const struct inst *i, const char *const command[], const char *text)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run_list(i, &c, COMMAND_MS, command, &e), &e);
	if (c.status != 0 || strstr(c.out, text) == NULL) {
		print_error("%s: status %d: %s%s\n", *command, c.status, c.out, c.err);
		fail();
	}
	child_free(&c);
}
#define RUN_OK(i, text, ...) run_ok(i, (const char *const[]){__VA_ARGS__, NULL}, text)

static void scan_lists_the_air(void **state)
{
	struct inst *i = fake(state, "two");
	struct err e = ERR_INIT;
	const json_t *ap;
	json_t *o;

	lab_up(i);
	o = inst_json(i, COMMAND_MS, &e, "scan", NULL);
	ok(o != NULL ? 0 : -1, &e);
	assert_int_equal(json_array_size(json_object_get(o, "aps")), 2);
	ap = by_ssid(json_object_get(o, "aps"), "bhyfi-two");
	assert_true(json_is_true(json_object_get(ap, "connected")));
	assert_true(json_is_true(json_object_get(ap, "known")));
	assert_string_equal(text_at(ap, "security"), "wpa2");
	ap = by_ssid(json_object_get(o, "aps"), "bhyfi-one");
	assert_false(json_is_true(json_object_get(ap, "connected")));
	assert_false(json_is_true(json_object_get(ap, "known")));
	json_decref(o);
	RUN_OK(i, "  -30 dBm  2.4 GHz  WPA2      1    bhyfi-one\n", "scan", "--cached");
	lab_down(i);
}

static void connect_keeps_what_works(void **state)
{
	static const char before[] = "# mine\nctrl_interface=/run/x # stays\n\n"
				     "network={\n  # at home\n  ssid=\"bhyfi-two\"\n"
				     "  psk=\"" PASSPHRASE "\"\n}\n";
	static const char after[] =
	    "\nnetwork={\n\tssid=\"bhyfi-one\"\n"
	    "\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 FT-PSK SAE FT-SAE\n\tieee80211w=1\n"
	    "\tpsk=\"" PASSPHRASE "\"\n}\n";
	struct inst *i = fake(state, "two");
	char AUTO_FREE *text = NULL;
	struct stat st;
	json_t *o;

	write_file(i, before);
	lab_up(i);
	o = nets_connect(i, "bhyfi-one", PASSPHRASE);
	assert_true(json_is_true(json_object_get(o, "saved")));
	assert_string_equal(text_at(o, "wlan.ssid"), "bhyfi-one");
	json_decref(o);
	text = nets_file(i);
	assert_memory_equal(text, before, strlen(before));
	assert_string_equal(text + strlen(before), after);
	assert_int_equal(stat(i->networks, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Back, without a word about a passphrase, and the file stays as it is. */
	o = nets_connect(i, "bhyfi-two", NULL);
	assert_false(json_is_true(json_object_get(o, "saved")));
	json_decref(o);
	nets_wait_in(i, "bhyfi-two");
	lab_down(i);
}

static void a_failure_changes_nothing(void **state)
{
	struct inst *i = fake(state, "two");

	lab_up(i);
	nets_connect_fails(
	    i, "bhyfi-one", "not this one", ERR_FAILED, "wrong passphrase");
	nets_wait_in(i, "bhyfi-two");
	nets_connect_fails(
	    i, "elsewhere", PASSPHRASE, ERR_FAILED, "no such network is heard");
	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){"connect", "bhyfi-one", "--security", "open", NULL},
	    (const char *const[]){"its security is WPA2", NULL});
	lab_refuses(i, ERR_PRECONDITION,
	    (const char *const[]){"connect", "bhyfi-one", NULL},
	    (const char *const[]){"no terminal", "--passphrase-file", NULL});
	nets_wait_in(i, "bhyfi-two");
	lab_down(i);
}

/* A try ends with the command that made it. */
static void a_killed_connect_is_taken_back(void **state)
{
	struct inst *i = fake(state, "two");
	struct err e = ERR_INIT;
	char AUTO_FREE *before = NULL;
	char AUTO_FREE *after = NULL;
	struct child c;

	lab_up(i);
	before = nets_file(i);
	json_decref(lab_air(i, "ap-off ap=0"));
	ok(inst_start(i, &c, &e, "connect", "bhyfi-one", "--hidden", "--wait", "60", "-p",
	       nets_secret(i, PASSPHRASE), NULL),
	    &e);
	/* It fails quickly here; killed or not, nothing stays. */
	child_free(&c);
	nets_done(i);
	nets_wait_in(i, "bhyfi-two");
	after = nets_file(i);
	assert_string_equal(before, after);
	lab_down(i);
}

static void save_keeps_a_failure(void **state)
{
	struct inst *i = fake(state, "two");
	char AUTO_FREE *text = NULL;

	lab_up(i);
	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){"connect", "bhyfi-one", "--save", "-p",
		nets_secret(i, "not this one"), NULL},
	    (const char *const[]){"wrong passphrase", "it is kept", NULL});
	nets_done(i);
	text = nets_file(i);
	assert_non_null(strstr(text, "\tpsk=\"not this one\"\n"));
	nets_wait_in(i, "bhyfi-two");
	lab_down(i);
}

static void hidden_and_open(void **state)
{
	struct inst *i = fake(state, "hidden");

	write_file(i, "# none\n");
	lab_begin(i);
	nets_wait_in(i, "");
	nets_connect_fails(
	    i, "bhyfi-hidden", PASSPHRASE, ERR_FAILED, "no such network is heard");
	RUN_OK(i, "connected to bhyfi-hidden", "connect", "bhyfi-hidden", "--hidden",
	    "-p", nets_secret(i, PASSPHRASE));
	nets_done(i);
	lab_down(i);
}

static void without_a_daemon(void **state)
{
	struct inst *i = fake(state, "open");
	char AUTO_FREE *text = NULL;

	unlink(i->networks);
	RUN_OK(i, "is kept; it holds from the next bhyfi up on", "connect", "bhyfi-open",
	    "--security", "open", "--priority", "7");
	RUN_OK(i, "changed; it holds from the next", "networks", "bhyfi-open",
	    "--autoconnect", "no");
	RUN_OK(i, "bhyfi-open  open      7         no", "networks");
	RUN_OK(i, "changed", "networks", "bhyfi-open", "--autoconnect", "yes");
	text = nets_file(i);
	assert_string_equal(text, "network={\n\tssid=\"bhyfi-open\"\n\tkey_mgmt=NONE\n"
				  "\tpriority=7\n\tdisabled=0\n}\n");
	lab_up(i);
	RUN_OK(i, "*  bhyfi-open", "networks");
	lab_down(i);
}

static const char certificate[] =
    "junk\n-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n";

static void eap_and_blocks(void **state)
{
	static const char block[] =
	    "# theirs\nnetwork={\n ssid=\"corp\"\n key_mgmt=WPA-EAP\n"
	    " eap=TTLS\n identity=\"me\"\n}\n";
	struct inst *i = fake(state, "open");
	char AUTO_FREE *text = NULL;
	char path[PATH_MAX], command[1024];
	struct err e = ERR_INIT;
	struct child c;

	write_file(i, "# mine\n");
	snprintf(path, sizeof(path), "%.4000s.extra", i->networks);
	ok(fs_write_atomic(path, 0600, certificate, strlen(certificate), &e), &e);
	RUN_OK(i, "eduroam is kept", "connect", "eduroam", "--eap", "peap", "--identity",
	    "me@example.org", "--ca-cert", path, "--domain", "example.org", "-p",
	    nets_secret(i, "a secret"));
	nets_done(i);
	snprintf(command, sizeof(command), "%s",
	    "# mine\n\nnetwork={\n\tssid=\"eduroam\"\n"
	    "\tkey_mgmt=WPA-EAP WPA-EAP-SHA256 FT-EAP\n\tieee80211w=1\n\teap=PEAP\n"
	    "\tidentity=\"me@example.org\"\n\tpassword=\"a secret\"\n"
	    "\tphase2=\"auth=MSCHAPV2\"\n\tca_cert=\"blob://ca-656475726f616d\"\n"
	    "\tdomain_suffix_match=\"example.org\"\n}\n"
	    "blob-base64-ca-656475726f616d={\nMIIB\nAAAA\n}\n");
	text = nets_file(i);
	assert_string_equal(text, command);
	RUN_OK(i, "eduroam: forgotten", "forget", "eduroam");
	lab_refuses(i, ERR_USAGE,
	    (const char *const[]){
		"connect", "eduroam", "--eap", "ttls-pap", "--identity", "me", NULL},
	    (const char *const[]){"expected --ca-cert, too", NULL});
	ok(inst_run(i, &c, COMMAND_MS, &e, "connect", "eduroam", "--eap", "ttls",
	       "--identity", "me", "-p", nets_secret(i, "a secret"), NULL),
	    &e);
	nets_done(i);
	assert_int_equal(c.status, 0);
	assert_non_null(strstr(c.err, "without --ca-cert the server is not verified"));
	child_free(&c);
	RUN_OK(i, "eduroam: forgotten", "forget", "eduroam");
	free(text);
	text = nets_file(i);
	assert_string_equal(text, "# mine\n");
	ok(fs_write_atomic(path, 0600, block, strlen(block), &e), &e);
	RUN_OK(i, "corp is kept", "connect", "--block", path);
	RUN_OK(i, "  corp  802.1X", "networks");
	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){"connect", "other", "--block", path, NULL},
	    (const char *const[]){"another ssid", NULL});
	unlink(path);
}

static void names_of_all_kinds(void **state)
{
	struct inst *i = fake(state, "open");
	char AUTO_FREE *text = NULL;

	write_file(i, "");
	RUN_OK(i, "\\x1b[2J is kept", "connect", "\033[2J", "--security", "open");
	RUN_OK(i, "a\"b\\xff is kept", "connect", "a\"b\xff", "--security", "open");
	RUN_OK(i, "caf\xc3\xa9 is kept", "connect", "caf\xc3\xa9", "--security", "open");
	RUN_OK(i, "}\\x0a is kept", "connect", "hex:7d0a", "--security", "open");
	text = nets_file(i);
	for (const char *p = text; *p != '\0'; p++)
		assert_true((unsigned char)*p >= 32 || *p == '\n' || *p == '\t');
	assert_non_null(strstr(text, "\tssid=1b5b324a\n"));
	assert_non_null(strstr(text, "\tssid=\"caf\xc3\xa9\"\n"));
	assert_non_null(strstr(text, "\tssid=7d0a\n"));
	RUN_OK(i, "\\x1b[2J  open", "networks");
	RUN_OK(i, "forgotten", "forget", "\033[2J");
	RUN_OK(i, "forgotten", "forget", "hex:7d0a");
}

static void forget_leaves_it(void **state)
{
	struct inst *i = fake(state, "two");
	char AUTO_FREE *text = NULL;

	lab_up(i);
	json_decref(nets_connect(i, "bhyfi-one", PASSPHRASE));
	RUN_OK(i, "bhyfi-one: forgotten", "forget", "bhyfi-one");
	nets_wait_in(i, "bhyfi-two");
	/* What is not the one that is joined changes nothing on the air. */
	RUN_OK(i, "changed", "networks", "bhyfi-two", "--priority", "3");
	text = nets_file(i);
	assert_string_equal(text, "network={\n\tssid=\"bhyfi-two\"\n\tpsk=\"" PASSPHRASE
				  "\"\n\tpriority=3\n}\n");
	lab_down(i);
}

static void wrong_input(void **state)
{
	static const struct {
		int status;
		const char *command[8], *text;
	} cases[] = {
	    {ERR_USAGE, {"connect"}, "expected SSID"},
	    {ERR_USAGE, {"connect", ""}, "1 to 32 bytes"},
	    {ERR_USAGE, {"connect", "012345678901234567890123456789012"}, "not 33"},
	    {ERR_USAGE, {"connect", "hex:123"}, "in hex"},
	    {ERR_USAGE, {"connect", "x", "--security", "wep"}, "--security: expected"},
	    {ERR_USAGE, {"connect", "x", "--wait", "0"}, "--wait: expected a number"},
	    {ERR_USAGE, {"connect", "x", "--priority", "-1"}, "--priority: expected"},
	    {ERR_USAGE, {"connect", "x", "y"}, "one argument too many"},
	    {ERR_USAGE, {"connect", "x", "--passphrase", "secret"}, "no such option"},
	    {ERR_USAGE, {"connect", "x", "--identity", "me"}, "go with --eap"},
	    {ERR_USAGE, {"connect", "x", "--eap", "tls", "--identity", "me"}, "--block"},
	    {ERR_USAGE, {"connect", "x", "--block", "/nowhere", "--hidden"},
		"in the file"},
	    {ERR_FAILED, {"connect", "x", "--block", "/nowhere"},
		"/nowhere: No such file"},
	    {ERR_FAILED, {"connect", "x", "-p", "/nowhere"}, "/nowhere: No such file"},
	    {ERR_USAGE, {"forget"}, "expected SSID"},
	    {ERR_FAILED, {"forget", "nobody"}, "no such network is kept"},
	    {ERR_USAGE, {"networks", "--priority", "1"}, "expected an SSID"},
	    {ERR_USAGE, {"networks", "bhyfi-wpa2"}, "expected --priority"},
	    {ERR_USAGE, {"networks", "bhyfi-wpa2", "--autoconnect", "maybe"},
		"yes or no"},
	    {ERR_FAILED, {"networks", "nobody", "--priority", "1"}, "no such network"},
	    {ERR_USAGE, {"scan", "now"}, "one argument too many"},
	    {ERR_NOT_RUNNING, {"scan"}, "bhyfid is not running"},
	};
	struct inst *i = fake(state, "wpa2");
	char AUTO_FREE *before = nets_file(i);
	char AUTO_FREE *after = NULL;

	for (size_t k = 0; k < ARRAY_LEN(cases); k++)
		lab_refuses(i, cases[k].status, cases[k].command,
		    (const char *const[]){cases[k].text, NULL});
	lab_refuses(i, ERR_USAGE,
	    (const char *const[]){"connect", "x", "-p", nets_secret(i, "short"), NULL},
	    (const char *const[]){"expected 8 to 63 printable characters, not 5", NULL});
	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){"connect", "x", "-p", nets_secret(i, ""), NULL},
	    (const char *const[]){"no passphrase in it", NULL});
	nets_done(i);
	after = nets_file(i);
	assert_string_equal(before, after);
	/* What others may read is not added to. */
	assert_int_equal(chmod(i->networks, 0644), 0);
	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){"connect", "x", "--security", "open", NULL},
	    (const char *const[]){"mode 0644", "chmod 600", NULL});
}

static void wpa_cli_works(void **state)
{
	struct inst *i = fake(state, "wpa2");
	struct stat st;
	char path[PATH_MAX];

	lab_up(i);
	snprintf(path, sizeof(path), "%.4000s/wpa", i->run);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%.4000s/wpa/wlan0", i->run);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	nets_wpa_cli_says(i, "ping", "PONG");
	nets_wpa_cli_says(i, "status", "wpa_state=COMPLETED");
	nets_wpa_cli_says(i, "scan_results", "bhyfi-wpa2");
	nets_wpa_cli_says(i, "raw NO_SUCH_THING", "UNKNOWN COMMAND");
	lab_down(i);
}

LAB_MAIN("nets", LAB_TEST(scan_lists_the_air), LAB_TEST(connect_keeps_what_works),
    LAB_TEST(a_failure_changes_nothing), LAB_TEST(a_killed_connect_is_taken_back),
    LAB_TEST(save_keeps_a_failure), LAB_TEST(hidden_and_open), LAB_TEST(without_a_daemon),
    LAB_TEST(eap_and_blocks), LAB_TEST(names_of_all_kinds), LAB_TEST(forget_leaves_it),
    LAB_TEST(wrong_input), LAB_TEST(wpa_cli_works))
