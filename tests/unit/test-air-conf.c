/* air/conf.c, air/request.c */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "log.h"
#include "request.h"

static struct scenario one_ap(enum air_security security)
{
	struct scenario s = {.n_networks = 1, .n_aps = 1};
	struct air_network *net = &s.networks[0];

	strcpy(net->name, "lan");
	strcpy(net->domain, "air.example");
	net->subnet4.s_addr = inet_addr("192.0.2.0");
	net->prefix4 = 24;
	net->dhcp_first.s_addr = inet_addr("192.0.2.50");
	net->dhcp_last.s_addr = inet_addr("192.0.2.150");
	net->lease_s = 3600;
	net->dns = true;
	inet_pton(AF_INET6, "2001:db8:1::", &net->subnet6);
	net->has6 = true;
	s.aps[0] = (struct air_ap){
	    .ssid = "test", .ssid_len = 4, .channel = 1, .security = security};
	if (security != AIR_OPEN)
		strcpy(s.aps[0].passphrase, "pass phrase=#1");
	return s;
}

static void has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, len) == 0 && p[len] == '\n')
			return;
	}
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, text);
}

static void writes_security(void **state)
{
	struct scenario s = one_ap(AIR_OPEN);
	char *text = conf_hostapd(&s, 0);

	(void)state;
	lacks(text, "wpa");
	has_line(text, "interface=ap0");
	free(text);

	s = one_ap(AIR_WPA2);
	text = conf_hostapd(&s, 0);
	has_line(text, "wpa=2");
	has_line(text, "wpa_key_mgmt=WPA-PSK");
	has_line(text, "wpa_passphrase=pass phrase=#1");
	lacks(text, "sae");
	free(text);

	s = one_ap(AIR_WPA3);
	text = conf_hostapd(&s, 0);
	has_line(text, "wpa_key_mgmt=SAE");
	has_line(text, "sae_password=pass phrase=#1");
	has_line(text, "ieee80211w=2");
	has_line(text, "sae_pwe=2");
	lacks(text, "wpa_passphrase");
	free(text);

	s = one_ap(AIR_WPA2_WPA3);
	text = conf_hostapd(&s, 0);
	has_line(text, "wpa_key_mgmt=WPA-PSK SAE");
	has_line(text, "ieee80211w=1");
	free(text);
}

static void writes_eap(void **state)
{
	struct scenario s = one_ap(AIR_EAP);
	struct air_ap *ap = &s.aps[0];
	char *text;

	(void)state;
	ap->passphrase[0] = '\0';
	strcpy(ap->identity, "user");
	strcpy(ap->password, "pass word");
	strcpy(ap->certificate, "server.pem");
	text = conf_hostapd(&s, 0);
	has_line(text, "wpa=2");
	has_line(text, "wpa_key_mgmt=WPA-EAP WPA-EAP-SHA256");
	has_line(text, "ieee8021x=1");
	has_line(text, "eap_server=1");
	has_line(text, "eap_user_file=/run/air/ap0.users");
	has_line(text, "server_cert=/air/scenarios/server.pem");
	has_line(text, "private_key=/air/scenarios/server.pem");
	lacks(text, "ca_cert");
	lacks(text, "pass");
	free(text);
	text = conf_eap_users(&s, 0);
	assert_string_equal(text, "* PEAP,TTLS\n\"user\" MSCHAPV2,TTLS-PAP,TTLS-MSCHAPV2 "
				  "\"pass word\" [2]\n");
	free(text);
	strcpy(ap->client_ca, "ca.pem");
	text = conf_hostapd(&s, 0);
	has_line(text, "ca_cert=/air/scenarios/ca.pem");
	free(text);
	text = conf_eap_users(&s, 0);
	has_line(text, "* PEAP,TTLS,TLS");
	free(text);
}

/* No SSID can bring in a line of its own. */
static void writes_any_ssid_in_hex(void **state)
{
	static const char evil[] = "a\"\nctrl_interface=/x\r\n\0b\\ \xff";
	struct scenario s = one_ap(AIR_OPEN);
	char *text, want[80] = "ssid2=";

	(void)state;
	s.aps[0].ssid_len = sizeof(evil) - 1;
	assert_true(sizeof(evil) - 1 <= AIR_SSID_MAX);
	memcpy(s.aps[0].ssid, evil, sizeof(evil) - 1);
	for (size_t i = 0; i < sizeof(evil) - 1; i++)
		snprintf(want + 6 + 2 * i, 3, "%02x", (unsigned char)evil[i]);
	text = conf_hostapd(&s, 0);
	has_line(text, want);
	lacks(text, "/x");
	lacks(text, "\r");
	free(text);

	memset(s.aps[0].ssid, '\n', AIR_SSID_MAX);
	s.aps[0].ssid_len = AIR_SSID_MAX;
	text = conf_hostapd(&s, 0);
	lacks(text, "\n\n");
	has_line(text,
	    "ssid2=0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
	free(text);
}

static void writes_radio_options(void **state)
{
	struct scenario s = one_ap(AIR_WPA2);
	char *text;

	(void)state;
	s.aps[0].hidden = s.aps[0].wds = true;
	memset(s.aps[0].psk, 'a', 64);
	s.aps[0].channel = 36;
	text = conf_hostapd(&s, 0);
	has_line(text, "hw_mode=a");
	has_line(text, "channel=36");
	has_line(text, "ignore_broadcast_ssid=1");
	has_line(text, "wds_sta=1");
	has_line(text, "bridge=br0");
	has_line(text,
	    "wpa_psk=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	lacks(text, "passphrase");
	lacks(text, "mobility_domain");
	free(text);
	s.aps[0].mobility = true;
	text = conf_hostapd(&s, 0);
	has_line(text, "wpa_key_mgmt=WPA-PSK FT-PSK");
	has_line(text, "mobility_domain=bf01");
	has_line(text, "nas_identifier=ap0.air.example");
	has_line(text, "bss_transition=1");
	free(text);

	s = one_ap(AIR_OPEN);
	text = conf_hostapd(&s, 0);
	has_line(text, "hw_mode=g");
	lacks(text, "bridge");
	lacks(text, "ignore");
	free(text);
}

static void writes_dnsmasq(void **state)
{
	struct scenario s = one_ap(AIR_OPEN);
	char *text = conf_dnsmasq(&s);

	(void)state;
	has_line(text, "interface=ap0");
	has_line(text, "dhcp-range=set:lan,192.0.2.50,192.0.2.150,255.255.255.0,3600");
	has_line(text, "dhcp-option=tag:lan,option:router,192.0.2.1");
	has_line(text, "dhcp-option=tag:lan,option:dns-server,192.0.2.1");
	has_line(text, "dhcp-range=set:lan6,2001:db8:1::,ra-stateless,64,3600");
	has_line(text, "host-record=gw.air.example,192.0.2.1,2001:db8:1::1");
	has_line(text, "enable-ra");
	lacks(text, "port=0");
	free(text);

	s.networks[0].dns = s.networks[0].has6 = false;
	s.networks[0].dhcp_last.s_addr = 0;
	text = conf_dnsmasq(&s);
	has_line(text, "port=0");
	lacks(text, "enable-ra");
	lacks(text, "dhcp-range");
	free(text);
}

static void reads_requests(void **state)
{
	struct err e = ERR_INIT;
	struct air_request r;
	json_int_t id;

	(void)state;
#define PARSE(text) request_parse(text, strlen(text), &r, &id, &e)
	assert_int_equal(PARSE("{\"id\":7,\"op\":\"ap-off\"}"), 0);
	assert_int_equal(r.op, AIR_OP_AP_OFF);
	assert_int_equal(r.ap, -1);
	assert_int_equal(r.id, 7);
	assert_int_equal(PARSE("{\"id\":7,\"op\":\"ap-on\",\"ap\":1}"), 0);
	assert_int_equal(r.ap, 1);
	assert_int_equal(
	    PARSE("{\"id\":0,\"op\":\"kill\",\"what\":\"agent\",\"signal\":\"STOP\"}"),
	    0);
	assert_int_equal(r.what, AIR_VICTIM_AGENT);
	assert_int_equal(r.signal, SIGSTOP);
	assert_int_equal(
	    PARSE("{\"id\":0,\"op\":\"iperf\",\"reverse\":true,\"seconds\":3,"
		  "\"address\":\"192.0.2.1\"}"),
	    0);
	assert_true(r.reverse);
	assert_int_equal(r.seconds, 3);
	assert_string_equal(r.address, "192.0.2.1");
	assert_int_equal(PARSE("{\"id\":0,\"op\":\"log\",\"level\":\"debug\"}"), 0);
	assert_int_equal(r.level, LOG_LEVEL_DEBUG);
	assert_int_equal(PARSE("{\"id\":0,\"op\":\"steer\",\"ap\":1,\"to\":0,"
			       "\"station\":\"02:00:00:AA:00:01\"}"),
	    0);
	assert_int_equal(r.ap, 1);
	assert_int_equal(r.to, 0);
	assert_string_equal(r.station, "02:00:00:aa:00:01");
	assert_int_equal(PARSE("{\"id\":0,\"op\":\"steer\",\"station\":\"x\"}"), -1);
}

static void refuses_requests(void **state)
{
	static const struct {
		const char *text, *want;
		int id;
	} cases[] = {
	    {"[]", "request: no id", -1},
	    {"{\"op\":\"status\"}", "request: no id", -1},
	    {"{\"id\":-4,\"op\":\"status\"}", "request: no id", -1},
	    {"{\"id\":\"1\",\"op\":\"status\"}", "request: no id", -1},
	    {"{\"id\":1}", "op: not known", 1},
	    {"{\"id\":1,\"op\":\"bogus\"}", "op: not known", 1},
	    {"{\"id\":1,\"op\":\"ap-off\",\"ap\":\"x\"}",
		"ap: expected a whole number up to 255", 1},
	    {"{\"id\":1,\"op\":\"kill\"}",
		"what: expected wpa_supplicant, agent or hostapd", 1},
	    {"{\"id\":1,\"op\":\"kill\",\"what\":\"agent\",\"signal\":9}",
		"signal: expected KILL, STOP, CONT or TERM", 1},
	    {"{\"id\":1,\"op\":\"iperf\",\"seconds\":601}",
		"seconds: expected a whole number up to 600", 1},
	    {"{\"id\":1,\"op\":\"iperf\",\"seconds\":0}",
		"seconds, streams: expected at least 1", 1},
	    {"{\"id\":1,\"op\":\"iperf\",\"address\":\"-h\"}",
		"address: expected an IPv4 address", 1},
	    {"{\"id\":1,\"op\":\"log\",\"level\":\"loud\"}",
		"level: expected error, warn, info or debug", 1},
	};
	static char big[AIR_PACKET_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		struct air_request r;
		json_int_t id;

		assert_int_equal(
		    request_parse(cases[i].text, strlen(cases[i].text), &r, &id, &e), -1);
		assert_string_equal(e.msg, cases[i].want);
		assert_int_equal(id, cases[i].id);
	}
	struct air_request r;
	json_int_t id;
	assert_int_equal(request_parse(big, sizeof(big), &r, &id, NULL), -1);
	assert_int_equal(request_parse("{", 1, &r, &id, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_security),
	    cmocka_unit_test(writes_eap),
	    cmocka_unit_test(writes_any_ssid_in_hex),
	    cmocka_unit_test(writes_radio_options),
	    cmocka_unit_test(writes_dnsmasq),
	    cmocka_unit_test(reads_requests),
	    cmocka_unit_test(refuses_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
