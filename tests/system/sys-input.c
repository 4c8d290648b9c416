/*
 * Wrong input: one clear line, the documented exit status, nothing half-done. No
 * guest boots here but in the last tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "paths.h"

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const up[] = {"up", "--wait", "5", NULL};

/* The text as configuration, its refusal, and what is left then. */
static void refuse_conf(
    struct inst *i, const char *text, int status, const char *const texts[])
{
	snprintf(i->settings, sizeof(i->settings), "%s", text);
	if (!strstr(text, "networks"))
		inst_set(i, "networks", i->networks);
	lab_write(i);
	lab_refuses(i, status, up, texts);
	lab_nothing_left(i);
}

static void wrong_keys_and_values(void **state)
{
	const struct {
		const char *text;
		int status;
		const char *says[4];
	} cases[] = {
	    {"card = sim:wpa2\ncolour = blue\n", 1,
		{".conf:2: ", "colour", "no such key"}},
	    {"card = sim:wpa2\nmemry = 160\n", 1, {".conf:2: ", "memry", "memory"}},
	    {"memory = 12\ncard = sim:wpa2\n", 1, {".conf:1: memory", "expected", "64"}},
	    {"card = sim:wpa2\nmemory = -160\n", 1, {".conf:2: memory", "expected"}},
	    {"card = sim:wpa2\nmemory = 160 MiB\n", 1, {".conf:2: memory", "expected"}},
	    {"card = sim:wpa2\nforward = tcp\n", 1, {".conf:2: forward", "expected"}},
	    {"card = sim:wpa2\nmode = bridge\n", 1, {".conf:2: mode", "expected clone"}},
	    {"card = 3:0:0\n", 1, {".conf:1: card", "expected"}},
	    {"card = ../../etc/passwd\n", 1, {".conf:1: card", "expected"}},
	    {"card = sim:wpa2\nvmm = vmware\n", 1, {".conf:2: vmm", "expected", "qemu"}},
	    {"card = sim:wpa2\naccel = fast\n", 1, {".conf:2: accel", "expected"}},
	    {"card = sim:wpa2\ninterface = a/b\n", 1, {".conf:2: interface", "expected"}},
	    {"card = sim:wpa2\ninterface = morethanfifteenbytes\n", 1,
		{".conf:2: interface", "expected"}},
	    {"card = sim:wpa2\ncountry = de\n", 1, {".conf:2: country", "expected"}},
	    {"card = sim:wpa2\nnetworks = wpa.conf\n", 1,
		{".conf:2: networks", "absolute"}},
	    {"card = sim:wpa2\ncard = sim:open\n", 1, {".conf:2: ", "card", "twice"}},
	    {"mode = clone\n", 1, {"card", "missing"}},
	    {"card\n", 1, {".conf:1: ", "expected"}},
	    {"[wlan]\ncard = sim:wpa2\n", 1, {".conf:1: ", "expected"}},
	    {"card = sim:wpa2\nuser = nobody-of-this-name\n", 5, {"nobody-of-this-name"}},
	    {"card = sim:wpa2\nnetworks = /nonexistent/networks\n", 5,
		{"/nonexistent/networks", "("}},
	};
	struct inst *i = lab_inst(state, "wpa2");

	for (size_t k = 0; k < ARRAY_LEN(cases); k++)
		refuse_conf(i, cases[k].text, cases[k].status, cases[k].says);
}

static void no_configuration(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	assert_int_equal(unlink(i->conf), 0);
	lab_refuses(i, 5, up, TEXTS(i->conf, "("));
	lab_nothing_left(i);
}

static void not_an_instance(void **state)
{
	struct inst wrong = *lab_inst(state, "wpa2");

	snprintf(wrong.name, sizeof(wrong.name), "../x");
	lab_refuses(&wrong, 2, up, TEXTS("instance"));
	snprintf(wrong.name, sizeof(wrong.name), "%s", "");
	lab_refuses(&wrong, 2, up, TEXTS("instance"));
}

static void file_that_others_can_write(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	assert_int_equal(chmod(i->conf, 0666), 0);
	lab_refuses(i, 1, up, TEXTS(i->conf, "others can write", "chmod"));
	lab_write(i);
	assert_int_equal(chmod(i->networks, 0644), 0);
	lab_refuses(i, 1, up, TEXTS(i->networks, "chmod 600"));
	lab_nothing_left(i);
}

static void missing_image_and_program(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	inst_set(i, "image", "/nonexistent/image");
	lab_write(i);
	lab_refuses(i, 5, up, TEXTS("/nonexistent/image", "bhyfi image build"));
	lab_nothing_left(i);
	inst_init(i, i->name, "wpa2");
	inst_set(i, "qemu", "/nonexistent/qemu");
	lab_write(i);
	lab_refuses(i, 5, up, TEXTS("/nonexistent/qemu", "qemu-system-x86"));
	lab_nothing_left(i);
}

static void interface_of_somebody_else(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child c;

	inst_set(i, "restarts", "0");
	snprintf(i->tap, sizeof(i->tap), "lo");
	snprintf(strstr(i->settings, "interface"), 16, "interface = lo\n");
	lab_write(i);
	lab_refuses(i, 1, up, TEXTS("lo"));
	ok(inst_run(i, &c, DOWN_MS, &e, "down", NULL), &e);
	child_free(&c);
	lab_nothing_left(i);
}

/* Lines of a network block, and what the refusal names. */
static void wrong_networks(void **state)
{
	const struct {
		const char *lines, *says[3];
	} cases[] = {
	    {"\tssid=\"a\"\n\tpsk=\"1234567\"\n", {".networks:3: psk", "8 to 63"}},
	    {"\tssid=\"a\"\n\tpsk=\"1234567890123456789012345678901234567890"
	     "123456789012345678901234\"\n",
		{".networks:3: psk", "8 to 63"}},
	    {"\tssid=\"a\"\n\tpsk=123456789012345678901234567890123456789012345678"
	     "901234567890123\n",
		{".networks:3: psk", "64 hex"}},
	    {"\tssid=\"not closed\n\tkey_mgmt=NONE\n", {".networks:2: ssid", "expected"}},
	    {"\tssid=\"123456789012345678901234567890123\"\n\tkey_mgmt=NONE\n",
		{".networks:2: ssid", "32"}},
	    {"\tssid=616\n\tkey_mgmt=NONE\n", {".networks:2: ssid", "hex"}},
	    {"\tssid=P\"bad \\q escape\"\n\tkey_mgmt=NONE\n", {".networks:2: ssid"}},
	    {"\tssid=\"\"\n\tkey_mgmt=NONE\n", {".networks:2: ssid"}},
	    {"\tssid = \"a\"\n\tkey_mgmt=NONE\n", {".networks:2: ", "expected"}},
	    {"\tssid=\"a\"\n\tkey_mgmt=NONE\nnetwork={\n", {".networks:4: ", "}"}},
	};
	struct inst *i = lab_inst(state, "wpa2");

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		i->network_text[0] = '\0';
		inst_network(i, cases[k].lines);
		lab_write(i);
		lab_refuses(i, 1, up, cases[k].says);
		lab_nothing_left(i);
	}
	/* A block that does not end. */
	snprintf(i->network_text, sizeof(i->network_text), "network={\n\tssid=\"a\"\n");
	lab_write(i);
	lab_refuses(i, 1, up, TEXTS(".networks:1: ", "}"));
	lab_nothing_left(i);
}

static void wrong_usage(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	const char *const cases[][4] = {{"frobnicate"}, {"up", "--wait", "soon"},
	    {"up", "--wait"}, {"up", "--nonsense"}, {"status", "extra"}, {"down", "now"},
	    {"speedtest", "--time", "0"}, {"air"}};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++)
		lab_refuses(i, 2, cases[k], TEXTS("bhyfi: "));
	lab_nothing_left(i);
}

static void nothing_runs(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	const char *const cases[][2] = {{"status"}, {"down"}, {"speedtest"}};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++)
		lab_refuses(i, 3, cases[k], TEXTS("not running", i->name));
	lab_nothing_left(i);
}

/* The error as an object, too. */
static void errors_as_json(void **state)
{
	const char *const argv[] = {
	    BHYFI_TEST_BIN "/bhyfi", "-i", "nosuch", "--json", "status", NULL};
	struct err e = ERR_INIT;
	struct child c;
	json_t *o;

	(void)state;
	ok(child_run(&c, argv, COMMAND_MS, &e), &e);
	assert_int_equal(c.status, 3);
	o = json_loads(c.out, 0, NULL);
	assert_non_null(o);
	assert_string_equal(text_at(o, "error.code"), "not-running");
	assert_true(text_at(o, "error.message")[0]);
	json_decref(o);
	child_free(&c);
}

/* A copy that anybody can run, wherever the tree is. */
static void copy_program(const char *to)
{
	AUTO_FREE char *data = NULL;
	struct err e = ERR_INIT;
	size_t len;

	ok(fs_read_file(BHYFI_TEST_BIN "/bhyfi", 64 * 1024 * 1024, &data, &len, &e), &e);
	ok(fs_write_atomic(to, 0755, data, len, &e), &e);
}

static void socket_of_somebody_else(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char dir[] = "/tmp/bhyfi-test-XXXXXX", copy[64];
	const char *const argv[] = {"setpriv", "--reuid=65534", "--regid=65534",
	    "--clear-groups", copy, "-i", i->name, "status", NULL};
	struct err e = ERR_INIT;
	struct child c;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(copy, sizeof(copy), "%s/bhyfi", dir);
	copy_program(copy);
	lab_begin(i);
	ok(child_run(&c, argv, COMMAND_MS, &e), &e);
	fs_remove_tree(dir, NULL);
	/* An ordinary user's namespace has only one user to be. */
	if (!strstr(c.err, "setpriv:")) {
		assert_int_equal(c.status, 1);
		assert_non_null(strstr(c.err, "Permission denied"));
		assert_non_null(strstr(c.err, i->name));
	}
	child_free(&c);
	lab_down(i);
}

/* Legal, if unusual: neither refused nor in the way of the network that is there. */
static void odd_ssids_are_taken(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	inst_network(i, "\tssid=\"he said \"hello\"\"\n\tkey_mgmt=NONE\n");
	inst_network(i, "\tssid=P\"two\\nlines\\x1b[31m\"\n\tkey_mgmt=NONE\n");
	inst_network(i, "\tssid=00ff0a0d22275c7f80e2809c"
			"e280aefffe0102030405060708090b0c0e0f1011\n\tkey_mgmt=NONE\n");
	lab_write(i);
	lab_up(i);
	lab_lan_works(i);
	lab_down(i);
}

/* Refused by the AP: no success, and a reason. */
static void wrong_passphrase(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	const char *const wait_20[] = {"up", "--wait", "20", NULL};

	i->network_text[0] = '\0';
	inst_network(i, "\tssid=\"bhyfi-wpa2\"\n\tpsk=\"not the right one\"\n");
	lab_write(i);
	lab_refuses(i, 4, wait_20, TEXTS("bhyfi: "));
	lab_down(i);
}

LAB_MAIN("in", LAB_TEST(wrong_keys_and_values), LAB_TEST(no_configuration),
    LAB_TEST(not_an_instance), LAB_TEST(file_that_others_can_write),
    LAB_TEST(missing_image_and_program), LAB_TEST(interface_of_somebody_else),
    LAB_TEST(wrong_networks), LAB_TEST(wrong_usage), LAB_TEST(nothing_runs),
    LAB_TEST(errors_as_json), LAB_TEST(socket_of_somebody_else),
    LAB_TEST(odd_ssids_are_taken), LAB_TEST(wrong_passphrase))
