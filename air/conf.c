#include "conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"

/*
 * SSIDs are any 32 bytes, line ends and quotation marks among them: always
 * written in hex (ssid2). Nothing else here can hold a line end, the scenario
 * parser sees to it.
 */

/* The text that f wrote; NULL without memory. */
static char *finish(FILE *f, char **text)
{
	if (fclose(f) == 0)
		return *text;
	free(*text);
	return NULL;
}

static void write_ssid(FILE *f, const struct air_ap *ap)
{
	for (size_t i = 0; i < ap->ssid_len; i++)
		fprintf(f, "%02x", ap->ssid[i]);
}

static void write_psk(FILE *f, const struct air_ap *ap)
{
	if (ap->psk[0] != '\0')
		fprintf(f, "wpa_psk=%s\n", ap->psk);
	else
		fprintf(f, "wpa_passphrase=%s\n", ap->passphrase);
}

/* hostapd is its own authentication server. */
static void write_eap(FILE *f, const struct air_ap *ap, unsigned index)
{
	fprintf(f,
	    "wpa=2\nwpa_key_mgmt=WPA-EAP WPA-EAP-SHA256\nrsn_pairwise=CCMP\n"
	    "ieee80211w=1\nieee8021x=1\neap_server=1\n"
	    "eap_user_file=" AIR_RUN "/ap%u.users\n"
	    "server_cert=" AIR_SCENARIOS_DIR "/%s\n"
	    "private_key=" AIR_SCENARIOS_DIR "/%s\n",
	    index, ap->certificate, ap->certificate);
	if (ap->client_ca[0] != '\0')
		fprintf(f, "ca_cert=" AIR_SCENARIOS_DIR "/%s\n", ap->client_ca);
}

static void write_security(FILE *f, const struct air_ap *ap, unsigned index)
{
	switch (ap->security) {
	case AIR_OPEN:
		return;
	case AIR_WPA2:
		fprintf(f,
		    "wpa=2\nwpa_key_mgmt=WPA-PSK%s\nrsn_pairwise=CCMP\nieee80211w=1\n",
		    ap->mobility ? " FT-PSK" : "");
		write_psk(f, ap);
		return;
	case AIR_WPA3:
		fprintf(f,
		    "wpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\n"
		    "sae_password=%s\nsae_pwe=2\nsae_groups=19\nieee80211w=2\n",
		    ap->passphrase);
		return;
	case AIR_WPA2_WPA3:
		fprintf(f,
		    "wpa=2\nwpa_key_mgmt=WPA-PSK SAE\nrsn_pairwise=CCMP\n"
		    "sae_password=%s\nsae_pwe=2\nsae_groups=19\n"
		    "ieee80211w=1\nsae_require_mfp=1\n",
		    ap->passphrase);
		write_psk(f, ap);
		return;
	case AIR_OWE:
		fprintf(f, "wpa=2\nwpa_key_mgmt=OWE\nrsn_pairwise=CCMP\n"
			   "ieee80211w=2\nowe_groups=19\n");
		return;
	case AIR_EAP:
		write_eap(f, ap, index);
		return;
	}
}

/* The keys of the other APs follow from the passphrase: none has to ask another. */
static void write_mobility(FILE *f, unsigned index)
{
	fprintf(f,
	    "mobility_domain=bf01\nft_over_ds=0\nft_psk_generate_local=1\n"
	    "nas_identifier=ap%u.air.example\nrrm_neighbor_report=1\nbss_transition=1\n"
	    /* Says how a station came. */
	    "logger_stdout=-1\nlogger_stdout_level=1\n",
	    index);
}

char *conf_hostapd(const struct scenario *s, unsigned index)
{
	const struct air_ap *ap = &s->aps[index];
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	fprintf(f,
	    "interface=ap%u\ndriver=nl80211\nctrl_interface=" AIR_HOSTAPD_CTRL "\n",
	    index);
	if (scenario_bridged(s, ap->network))
		fprintf(f, "bridge=br%u\n", ap->network);
	fprintf(f, "ssid2=");
	write_ssid(f, ap);
	fprintf(
	    f, "\nhw_mode=%c\nchannel=%u\n", ap->channel <= 14 ? 'g' : 'a', ap->channel);
	if (ap->hidden)
		fprintf(f, "ignore_broadcast_ssid=1\n");
	if (ap->wds)
		fprintf(f, "wds_sta=1\n");
	if (ap->mobility)
		write_mobility(f, index);
	write_security(f, ap, index);
	return finish(f, &text);
}

char *conf_eap_users(const struct scenario *s, unsigned index)
{
	const struct air_ap *ap = &s->aps[index];
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	/* The outer identity says nothing; [2] is who it is inside of the tunnel. */
	fprintf(f, "* PEAP,TTLS%s\n", ap->client_ca[0] != '\0' ? ",TLS" : "");
	fprintf(f, "\"%s\" MSCHAPV2,TTLS-PAP,TTLS-MSCHAPV2 \"%s\" [2]\n", ap->identity,
	    ap->password);
	return finish(f, &text);
}

static void write_network4(FILE *f, const struct air_network *net)
{
	char first[INET_ADDRSTRLEN], last[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN],
	    gw[INET_ADDRSTRLEN];
	struct in_addr bits = {htonl(~(uint32_t)0 << (32 - net->prefix4))},
		       addr = air_network_addr4(net, 1);

	inet_ntop(AF_INET, &addr, gw, sizeof(gw));
	if (net->dhcp_last.s_addr == 0)
		return;
	inet_ntop(AF_INET, &net->dhcp_first, first, sizeof(first));
	inet_ntop(AF_INET, &net->dhcp_last, last, sizeof(last));
	inet_ntop(AF_INET, &bits, mask, sizeof(mask));
	fprintf(f, "dhcp-range=set:%s,%s,%s,%s,%u\n", net->name, first, last, mask,
	    net->lease_s);
	fprintf(f, "dhcp-option=tag:%s,option:router,%s\n", net->name, gw);
	if (net->dns)
		fprintf(f, "dhcp-option=tag:%s,option:dns-server,%s\n", net->name, gw);
	else
		fprintf(f, "dhcp-option=tag:%s,option:dns-server\n", net->name);
	fprintf(f, "dhcp-option=tag:%s,option:domain-name,%s\n", net->name, net->domain);
}

static void write_network6(FILE *f, const struct air_network *net, const char *ifname)
{
	char prefix[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &net->subnet6, prefix, sizeof(prefix));
	fprintf(f, "dhcp-range=set:%s6,%s,ra-stateless,64,%u\n", net->name, prefix,
	    net->lease_s);
	if (net->dns) {
		/* [::] is the address of the interface. */
		fprintf(f, "dhcp-option=tag:%s6,option6:dns-server,[::]\n", net->name);
		fprintf(f, "dhcp-option=tag:%s6,option6:domain-search,%s\n", net->name,
		    net->domain);
	}
	/* A host that joins asks; this is for one whose question was lost. */
	fprintf(f, "ra-param=%s,10,1800\n", ifname);
}

/* NAME.DOMAIN for both families, and the gateway's address back to its name. */
static void write_names(FILE *f, const struct air_network *net)
{
	char a4[INET_ADDRSTRLEN], a6[INET6_ADDRSTRLEN];
	struct in_addr in4 = air_network_addr4(net, 1);
	struct in6_addr in6 = air_network_addr6(net, 1);

	fprintf(f, "host-record=gw.%s", net->domain);
	if (net->prefix4 != 0)
		fprintf(f, ",%s", inet_ntop(AF_INET, &in4, a4, sizeof(a4)));
	if (net->has6)
		fprintf(f, ",%s", inet_ntop(AF_INET6, &in6, a6, sizeof(a6)));
	fprintf(f, "\nlocal=/%s/\n", net->domain);
}

char *conf_dnsmasq(const struct scenario *s)
{
	char *text = NULL, ifname[16];
	bool any6 = false, any_dns = false;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	fprintf(f,
	    "keep-in-foreground\nlog-facility=-\nuser=root\ngroup=root\npid-file=\n"
	    "no-resolv\nno-hosts\nno-poll\nno-ping\ndhcp-authoritative\n"
	    "dhcp-leasefile=" AIR_RUN "/dnsmasq.leases\nbind-dynamic\n"
	    "except-interface=lo\n");
	for (unsigned i = 0; i < s->n_networks; i++) {
		const struct air_network *net = &s->networks[i];

		scenario_ifname(s, i, ifname, sizeof(ifname));
		if (*ifname == '\0')
			continue;
		fprintf(f, "interface=%s\n", ifname);
		any6 |= net->has6;
		any_dns |= net->dns;
		if (net->prefix4 != 0)
			write_network4(f, net);
		if (net->has6)
			write_network6(f, net, ifname);
		if (net->dns)
			write_names(f, net);
	}
	if (any6)
		fprintf(f, "enable-ra\n");
	if (!any_dns)
		fprintf(f, "port=0\n");
	return finish(f, &text);
}

char *conf_supplicant(const struct scenario *s, unsigned station)
{
	const struct air_ap *st = &s->stations[station];
	unsigned mhz = st->channel > 14 ? 5000 + 5 * st->channel : 2407 + 5 * st->channel;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	fprintf(f, "network={\n\tssid=");
	write_ssid(f, st);
	fprintf(f, "\n\tscan_freq=%u\n", mhz);
	switch (st->security) {
	case AIR_OPEN:
		fprintf(f, "\tkey_mgmt=NONE\n");
		break;
	case AIR_WPA2:
		fprintf(f, "\tkey_mgmt=WPA-PSK\n");
		break;
	case AIR_WPA3:
		fprintf(f, "\tkey_mgmt=SAE\n\tieee80211w=2\n");
		break;
	case AIR_WPA2_WPA3:
		fprintf(f, "\tkey_mgmt=WPA-PSK SAE\n\tieee80211w=1\n");
		break;
	case AIR_OWE:
		fprintf(f, "\tkey_mgmt=OWE\n\tieee80211w=2\n");
		break;
	case AIR_EAP: /* the parser lets no station have it */
		break;
	}
	if (st->psk[0] != '\0')
		fprintf(f, "\tpsk=%s\n", st->psk);
	else if (st->passphrase[0] != '\0')
		fprintf(f, "\tpsk=\"%s\"\n", st->passphrase);
	fprintf(f, "}\n");
	return finish(f, &text);
}

int conf_write(const char *path, char *text, struct err *e)
{
	int rc;

	if (text == NULL)
		return err_sys(e, ENOMEM, "%s", path);
	rc = fs_write_atomic(path, 0600, text, strlen(text), e);
	free(text);
	return rc;
}
