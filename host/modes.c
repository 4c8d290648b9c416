/*
 * What the daemon does differently from mode to mode: which file it sends to the guest,
 * which addresses there are. And what can be changed while the VM runs.
 */
#include <string.h>
#include <unistd.h>

#include "apconf.h"
#include "cleanup.h"
#include "daemon-parts.h"
#include "log.h"
#include "mac.h"
#include "networks.h"
#include "os/native.h"
#include "ssid.h"

static int secret(struct daemon *d, uint8_t out[MAC_SECRET], struct err *e)
{
	int AUTO_CLOSE fd = priv_open(d->priv, PRIV_SECRET, 0, NULL, e);

	return fd >= 0 ? mac_secret_read(fd, out, e) : -1;
}

int modes_networks(struct daemon *d, struct networks *n, struct err *e)
{
	int AUTO_CLOSE fd = priv_open(d->priv, PRIV_NETWORKS, 0, NULL, e);

	return fd >= 0 ? networks_read(fd, d->config->networks, n, e) : -1;
}

static int read_apconf(struct daemon *d, struct apconf *a, struct err *e)
{
	int AUTO_CLOSE fd = priv_open(d->priv, PRIV_AP_CONF, 0, NULL, e);

	return fd >= 0 ? apconf_read(fd, d->config->access_point, a, e) : -1;
}

int modes_check(struct daemon *d, struct err *e)
{
	struct networks n;
	struct apconf a;

	if (d->config->mode == MODE_AP) {
		if (read_apconf(d, &a, e) < 0)
			return -1;
		if (a.warning[0] != '\0')
			log_warn("%s: %s", d->config->access_point, a.warning);
		apconf_free(&a);
		return 0;
	}
	if (modes_networks(d, &n, e) < 0)
		return -1;
	if (n.warning[0] != '\0')
		log_warn("%s", n.warning);
	networks_free(&n);
	return 0;
}

/* One row for each SSID of the file that is not disabled. An address is for this
 * network and this instance: two cards may be in the same one. */
static json_t *stable_macs(struct daemon *d, const struct networks *n, struct err *e)
{
	char purpose[INSTANCE_MAX + 16], hex[SSID_HEX_SIZE], text[MAC_TEXT_SIZE];
	uint8_t key[MAC_SECRET], mac[6];
	json_t *list = json_array();

	snprintf(purpose, sizeof(purpose), "station %s", d->config->instance);
	if (secret(d, key, e) < 0)
		goto fail;
	for (size_t i = 0; i < n->n; i++) {
		const struct network *net = &n->list[i];

		if (net->disabled || net->ssid_len == 0 ||
		    networks_find(n, net->ssid, net->ssid_len) != net)
			continue;
		if (mac_derive(key, purpose, net->ssid, net->ssid_len, mac, e) < 0)
			goto fail;
		ssid_hex(net->ssid, net->ssid_len, hex);
		msg_mac_text(mac, text);
		json_array_append_new(
		    list, json_pack("{s:s, s:s}", "ssid", hex, "mac", text));
	}
	explicit_bzero(key, sizeof(key));
	return list;
fail:
	explicit_bzero(key, sizeof(key));
	json_decref(list);
	return NULL;
}

static int put_macs(struct daemon *d, json_t *o, const struct networks *n, struct err *e)
{
	const struct mac_policy *p = &d->config->mac;
	char text[MAC_POLICY_TEXT];
	json_t *list;

	/* Nothing has an address of its own in an access point that is not fixed. */
	if (p->kind == MAC_PERMANENT || (n == NULL && p->kind == MAC_STABLE))
		return 0;
	if (p->kind != MAC_STABLE) {
		mac_policy_text(p, text);
		json_object_set_new(o, "mac", json_string(text));
		return 0;
	}
	/* Networks that are not in the file get one by chance. */
	json_object_set_new(o, "mac", json_string("random"));
	list = stable_macs(d, n, e);
	if (list == NULL)
		return -1;
	json_object_set_new(o, "macs", list);
	return 0;
}

static json_t *pack(const struct config *c)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:s}", "mode", mode_name(c->mode),
	    "country", c->country, "mtu", (int)c->mtu, "beat_ms", (int)c->beat_s * 1000,
	    "log", log_level_name(c->log_level));
}

/* Takes the text; what is no UTF-8 can not be sent. */
static int put_text(
    json_t *o, const char *key, const char *text, const char *name, struct err *e)
{
	if (json_object_set_new(o, key, json_string(text)) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "%s: not in UTF-8, or out of memory", name);
}

/*
 * In clone mode the interface has the radio's address. Where other hosts stand
 * beside it it has one of its own, always the same. Which it is to be in mode
 * auto is known when the guest has decided: before the carrier is on.
 */
static int tap_address(
    struct daemon *d, enum path_mode mode, uint8_t mac[6], struct err *e)
{
	const char *instance = d->config->instance;
	uint8_t key[MAC_SECRET];
	int ret;

	if (mode == MODE_CLONE) {
		memcpy(mac, d->record.radio.mac, 6);
		return 0;
	}
	if (secret(d, key, e) < 0)
		return -1;
	ret = mac_derive(key, "interface", instance, strlen(instance), mac, e);
	explicit_bzero(key, sizeof(key));
	return ret;
}

/* What only mode nat needs to know. */
static int put_nat(struct daemon *d, json_t *o, struct err *e)
{
	const struct config *c = d->config;
	char text[MAC_TEXT_SIZE];
	uint8_t mac[6];

	if (c->mode != MODE_NAT)
		return 0;
	if (tap_address(d, MODE_NAT, mac, e) < 0)
		return -1;
	msg_mac_text(mac, text);
	json_object_set_new(o, "host_mac", json_string(text));
	json_object_set_new(o, "subnet", json_string(c->subnet));
	if (json_object_set_new(o, "forward", forwards_json(&c->forwards)) < 0)
		return err_set(e, ERR_FAILED, "out of memory");
	return 0;
}

static int put_ap(struct daemon *d, json_t *o, struct err *e)
{
	struct apconf a;
	int ret;

	if (read_apconf(d, &a, e) < 0)
		return -1;
	ret = put_text(o, "ap", a.text, d->config->access_point, e);
	apconf_free(&a);
	return ret < 0 ? -1 : put_macs(d, o, NULL, e);
}

static int put_station(
    struct daemon *d, json_t *o, const struct networks *n, struct err *e)
{
	if (put_text(o, "networks", n->text, d->config->networks, e) < 0 ||
	    put_macs(d, o, n, e) < 0)
		return -1;
	return put_nat(d, o, e);
}

json_t *modes_config(struct daemon *d, struct err *e)
{
	json_t *o = pack(d->config);
	struct networks file;
	int ret;

	if (d->config->mode == MODE_AP) {
		ret = put_ap(d, o, e);
	} else if (d->tried != NULL) {
		ret = put_station(d, o, d->tried, e);
	} else {
		ret = modes_networks(d, &file, e);
		if (ret == 0) {
			ret = put_station(d, o, &file, e);
			networks_free(&file);
		}
	}
	if (ret == 0)
		return o;
	json_decref(o);
	return NULL;
}

bool modes_effective(const struct daemon *d, enum path_mode *mode)
{
	*mode = d->config->mode;
	if (*mode != MODE_AUTO)
		return true;
	if (!d->record.path_up)
		return false;
	/* The guest has no more to choose from. */
	*mode =
	    strcmp(d->record.path_mode, mode_name(MODE_WDS)) == 0 ? MODE_WDS : MODE_CLONE;
	return true;
}

int modes_tap_mac(struct daemon *d, struct err *e)
{
	struct host_if i = {0};
	char text[MAC_TEXT_SIZE];
	enum path_mode mode;
	uint8_t mac[6];

	if (!d->record.radio.known || !modes_effective(d, &mode))
		return 0;
	if (tap_address(d, mode, mac, e) < 0)
		return -1;
	/* An address that is right already is left alone: setting it takes some
	 * network programs' notice. */
	if (host_if(d->config->interface, &i, NULL) == 0 && i.exists &&
	    memcmp(i.mac, mac, sizeof(i.mac)) == 0)
		return 0;
	msg_mac_text(mac, text);
	log_info("%s: MAC address %s", d->config->interface, text);
	return priv_call(d->priv, PRIV_TAP_MAC, 0, mac, NULL, e);
}

/* What priv has written; e where it is cut off. */
static int read_config(int fd, struct config *c, struct err *e)
{
	size_t at = 0;
	ssize_t n;

	while (at < sizeof(*c) &&
	       (n = pread(fd, (char *)c + at, sizeof(*c) - at, (off_t)at)) > 0)
		at += (size_t)n;
	return at == sizeof(*c)
		   ? 0
		   : err_set(e, ERR_FAILED, "reload: the configuration is cut off");
}

int modes_reload(struct daemon *d, bool *rest, struct err *e)
{
	const struct config *before = d->config;
	int32_t value = 0;
	int AUTO_CLOSE fd = priv_open(d->priv, PRIV_CONFIG, 0, &value, e);
	struct config fresh;
	int ret;

	if (fd < 0)
		return -1;
	ret = read_config(fd, &fresh, e);
	if (ret == 0) {
		d->config = &fresh;
		ret = modes_check(d, e);
	}
	if (ret < 0) {
		/* Nothing has changed: priv opens the files of before, too. */
		d->config = before;
		priv_call(d->priv, PRIV_CONFIG, 1, NULL, NULL, NULL);
		return -1;
	}
	d->own_config = fresh;
	d->config = &d->own_config;
	*rest = value != 0;
	log_set_level(d->config->log_level);
	return 0;
}
