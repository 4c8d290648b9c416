#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"
#include "client.h"
#include "iperf.h"
#include "out.h"
#include "speedtest.h"

#define SECONDS_DEFAULT 5
#define SECONDS_MAX 60

bool speedtest_gateway(const char *address, char out[INET6_ADDRSTRLEN])
{
	char text[64], *slash, *end;
	unsigned char a[16];
	int family, bits;
	long prefix;

	if (strlen(address) >= sizeof(text))
		return false;
	strcpy(text, address);
	slash = strchr(text, '/');
	if (slash == NULL)
		return false;
	*slash++ = '\0';
	family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	bits = family == AF_INET ? 32 : 128;
	prefix = strtol(slash, &end, 10);
	if (end == slash || *end != '\0' || prefix < 1 || prefix > bits - 2 ||
	    inet_pton(family, text, a) != 1)
		return false;
	if (family == AF_INET6 && a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return false;
	for (int i = (int)prefix; i < bits; i++)
		a[i / 8] &= (unsigned char)~(0x80 >> i % 8);
	a[bits / 8 - 1] |= 1;
	return inet_ntop(family, a, out, INET6_ADDRSTRLEN) != NULL;
}

static int find_gateway(
    const struct cli *cli, const json_t *status, struct iperf_server *s, struct err *e)
{
	const char *card = client_str(json_object_get(status, "card"), "pci", "");
	const json_t *host = json_object_get(status, "host_if");
	const json_t *addresses = json_object_get(host, "addresses"), *a;
	/* There the IPv4 network is the guest's own; that of IPv6 is the WLAN's. */
	bool routed = strcmp(client_str(status, "mode", ""), "nat") == 0;
	char found[INET6_ADDRSTRLEN];
	size_t i;

	if (strncmp(card, "sim:", 4) != 0) {
		err_set(e, ERR_USAGE,
		    "speedtest: expected SERVER: only a simulated WLAN "
		    "brings its own");
		return err_hint(e, "run iperf3 -s on a machine of your network");
	}
	s->host[0] = '\0';
	s->port = IPERF_PORT;
	json_array_foreach (addresses, i, a) {
		const char *text = json_string_value(a);

		if (text == NULL || !speedtest_gateway(text, found) ||
		    (routed && strchr(found, ':') == NULL))
			continue;
		/* IPv4 goes first. */
		if (s->host[0] == '\0' || strchr(found, ':') == NULL)
			snprintf(s->host, sizeof(s->host), "%s", found);
		if (strchr(found, ':') == NULL)
			return 0;
	}
	if (s->host[0] != '\0')
		return 0;
	err_set(e, ERR_FAILED, "speedtest: %s of instance %s has no address%s yet",
	    client_str(host, "name", "the interface"), cli->instance,
	    routed ? " of the simulated network" : "");
	return err_hint(e, "start a DHCP client on it, or name a server");
}

static int default_server(const struct cli *cli, struct iperf_server *s, struct err *e)
{
	struct client *c = client_open(cli->instance, e);
	json_t *status = c != NULL ? client_call(c, "status", NULL, e) : NULL;
	int ret = status != NULL ? find_gateway(cli, status, s, e) : -1;

	json_decref(status);
	client_close(c);
	return ret;
}

static void add_json(json_t *o, const char *name, const struct iperf_result *r)
{
	char key[32];

	snprintf(key, sizeof(key), "%s_mbps", name);
	json_object_set_new(o, key, json_real(r->mbps));
	snprintf(key, sizeof(key), "%s_retransmits", name);
	if (r->retransmits >= 0)
		json_object_set_new(o, key, json_integer(r->retransmits));
	snprintf(key, sizeof(key), "%s_cpu_pct", name);
	if (r->cpu_local_pct >= 0)
		json_object_set_new(o, key, json_real(r->cpu_local_pct));
	snprintf(key, sizeof(key), "%s_server_cpu_pct", name);
	if (r->cpu_remote_pct >= 0)
		json_object_set_new(o, key, json_real(r->cpu_remote_pct));
}

static void print_text(const char *name, const struct iperf_result *r)
{
	printf("%-5s %s%8.1f%s Mbit/s", name, out_style(stdout, OUT_BOLD), r->mbps,
	    out_style(stdout, OUT_PLAIN));
	if (r->retransmits >= 0)
		printf(", %lld retransmits", (long long)r->retransmits);
	if (r->cpu_local_pct >= 0)
		printf(", CPU %.0f %% here", r->cpu_local_pct);
	if (r->cpu_remote_pct >= 0)
		printf(", %.0f %% there", r->cpu_remote_pct);
	printf("\n");
	fflush(stdout);
}

static int measure(
    const struct cli *cli, const struct iperf_server *s, int seconds, struct err *e)
{
	struct iperf_result down, up;
	struct progress p;
	json_t *o;

	progress_init(&p, stderr);
	if (!cli->json)
		printf(
		    "%s port %u, %d s each way\n", s->host, (unsigned)s->port, seconds);
	if (iperf_measure(s, true, seconds, &p, &down, e) < 0)
		return -1;
	if (!cli->json)
		print_text("down", &down);
	if (iperf_measure(s, false, seconds, &p, &up, e) < 0)
		return -1;
	if (!cli->json) {
		print_text("up", &up);
		return 0;
	}
	o = json_pack(
	    "{s:s,s:i,s:i}", "server", s->host, "port", (int)s->port, "seconds", seconds);
	add_json(o, "down", &down);
	add_json(o, "up", &up);
	return out_json_end(stdout, o, e);
}

int cmd_speedtest(struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *value = cli_value(cli, "time");
	int64_t seconds = SECONDS_DEFAULT;
	struct iperf_server s;

	if (value != NULL &&
	    cli_number(value, "speedtest: --time", 1, SECONDS_MAX, &seconds, e) < 0)
		return -1;
	if (argc > 1 && iperf_server_parse(argv[1], &s, e) < 0)
		return err_prefix(e, "speedtest");
	if (argc < 2 && default_server(cli, &s, e) < 0)
		return -1;
	if (iperf_server_check(&s, e) < 0)
		return -1;
	return measure(cli, &s, (int)seconds, e);
}
