/*
 * connect: joins a network, and keeps it once that has worked.
 *
 * Theory of operation. The file is not touched before: the daemon's guest gets the new
 * text of it and tries (`join`, doc/control.md). When it has joined, the file is
 * written, and the daemon reads it (`networks`); where anything fails, or we are killed,
 * the daemon goes back to the file as it is. Without a daemon the file is all there is.
 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "connect.h"
#include "follow.h"
#include "out.h"
#include "reach.h"

#define SCAN_MS 20000
#define SCANS 2
#define GRACE_MS 10000 /* the daemon itself says when the time is up */
#define ONLINE_MS 10000
#define ADDRESS_MS 15000

/* The command as it goes along. */
struct run {
	struct cli *cli;
	struct connect k;
	struct netfile file;
	struct networks_text text; /* the file as it is to be; NULL: as it is */
	struct client *client;     /* NULL: no daemon runs */
	enum wifi_kind kind;
	struct progress progress;
};

/* How the daemon calls the security of the strongest access point of that name. NULL
 * where none is heard, e where it could not be asked. A new string. */
static char *heard(struct run *r, bool fresh, struct err *e)
{
	const char *best = NULL;
	json_int_t strongest = 0;
	json_t *answer = NULL, *ap;
	char *copy = NULL;
	size_t i;

	progress_paint(&r->progress, "  looking for %s ...", r->k.shown);
	if (client_send(r->client, "scan", json_pack("{s:b}", "fresh", (int)fresh), e) ==
	    0)
		answer = client_recv(r->client, SCAN_MS, e);
	progress_end(&r->progress);
	json_array_foreach (json_object_get(answer, "aps"), i, ap) {
		json_int_t dbm = json_integer_value(json_object_get(ap, "signal_dbm"));

		if (strcmp(client_str(ap, "ssid_hex", ""), r->k.hex) != 0 ||
		    (best != NULL && dbm <= strongest))
			continue;
		best = client_str(ap, "security", "");
		strongest = dbm;
	}
	if (best != NULL)
		copy = strdup(best);
	json_decref(answer);
	return copy;
}

static int not_heard(const struct run *r, struct err *e)
{
	err_set(e, ERR_FAILED, "connect: %s: no such network is heard", r->k.shown);
	return err_hint(e, "bhyfi scan lists what is; --hidden for one without a name");
}

/* What it is by what is heard of it. */
static int kind_on_air(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	char AUTO_FREE *security = heard(r, false, &why);

	/* One scan may miss a beacon. */
	for (int i = 0; i < SCANS && security == NULL && why.code == ERR_NONE; i++)
		security = heard(r, true, &why);
	if (why.code != ERR_NONE) {
		*e = why;
		return -1;
	}
	if (security != NULL)
		return connect_kind_of(&r->k, security, &r->kind, e);
	return r->k.hidden ? 0 : not_heard(r, e);
}

static const struct network *kept(const struct run *r)
{
	return networks_find(&r->file.parsed, r->k.ssid, r->k.ssid_len);
}

/* Whether the file is to change for it. */
static bool is_new(const struct run *r)
{
	const struct connect *k = &r->k;

	return !r->file.known || kept(r) == NULL || k->block != NULL || k->ask ||
	       k->secret_file != NULL || k->kind != WIFI_AUTO || k->hidden ||
	       k->priority[0] != '\0';
}

static int find_kind(struct run *r, struct err *e)
{
	r->kind = r->k.kind;
	if (r->k.block != NULL)
		return 0;
	if (r->client != NULL && kept(r) == NULL && kind_on_air(r, e) < 0)
		return -1;
	/* What can not be known: nearly all networks are of this kind. */
	if (r->kind == WIFI_AUTO &&
	    (kept(r) == NULL || r->k.secret_file != NULL || r->k.ask))
		r->kind = WIFI_PERSONAL;
	if (r->kind != WIFI_EAP || r->k.eap != NULL || kept(r) != NULL)
		return 0;
	err_set(e, ERR_USAGE, "connect: %s: 802.1X wants an identity", r->k.shown);
	return err_hint(e, "--eap METHOD --identity NAME, or --block FILE");
}

/* Nothing that is wrong: many networks are joined like that. */
static void warn_of_server(const struct run *r)
{
	if (connect_is_unverified(&r->k))
		fprintf(stderr,
		    "bhyfi: connect: %s: without --ca-cert the server is not verified: "
		    "anyone may pretend to be this network\n",
		    r->k.shown);
}

static int get_secret(struct run *r, struct err *e)
{
	struct connect *k = &r->k;
	bool have = kept(r) != NULL && kept(r)->has_secret && k->eap == NULL;
	char prompt[sizeof(k->shown) + 32];
	int ret;

	if (k->block != NULL)
		return 0;
	if (!connect_needs_secret(r->kind)) {
		if (k->secret_file == NULL && !k->ask)
			return 0;
		return err_set(
		    e, ERR_USAGE, "connect: %s: it has no passphrase", k->shown);
	}
	if (k->secret_file != NULL) {
		ret = passphrase_read(k->secret_file, k->secret, e);
	} else if (have && !k->ask) {
		return 0;
	} else {
		snprintf(prompt, sizeof(prompt),
		    "%s for %s: ", r->kind == WIFI_EAP ? "Password" : "Passphrase",
		    k->shown);
		ret = passphrase_ask(prompt, k->secret, e);
	}
	return ret == 0 ? connect_check_secret(k, r->kind, e) : err_prefix(e, "connect");
}

/* The text to try; as it is where nothing is new. */
static int make_text(struct run *r, struct err *e)
{
	const struct netfile *f = &r->file;

	if (!is_new(r))
		return 0;
	if (!f->known) {
		err_set(e, ERR_FAILED, "%s: no right to change it", f->path);
		return err_hint(e, "run it as root");
	}
	if (connect_text(&r->k, r->kind, f, &r->text, e) < 0)
		return -1;
	if (r->text.len == f->text.len &&
	    memcmp(r->text.text, f->text.text, r->text.len) == 0)
		networks_text_free(&r->text);
	return 0;
}

/* Which network a block is of. */
static int name_of_block(struct run *r, struct err *e)
{
	struct networks n;
	struct connect *k = &r->k;

	if (k->block == NULL || k->ssid_len > 0)
		return 0;
	if (networks_load(k->block, &n, e) < 0)
		return -1;
	if (n.n == 1 && n.list[0].ssid_len > 0) {
		k->ssid_len = n.list[0].ssid_len;
		memcpy(k->ssid, n.list[0].ssid, k->ssid_len);
	}
	networks_free(&n);
	netfile_show(k->ssid, k->ssid_len, k->shown, sizeof(k->shown));
	ssid_hex(k->ssid, k->ssid_len, k->hex);
	return k->ssid_len > 0
		   ? 0
		   : err_set(e, ERR_FAILED,
			 "%s: expected one network={ block with an ssid", k->block);
}

/* An address, and nothing between it and the Internet. */
static int check(struct run *r, struct err *e)
{
	const char *ifname = r->file.config.interface;
	char addr[64], portal[REACH_URL_MAX];
	int ret;

	if (r->k.check_url == NULL)
		return 0;
	progress_paint(&r->progress, "  waiting for an address on %s ...", ifname);
	ret = reach_address(ifname, ADDRESS_MS, addr, sizeof(addr), e);
	if (ret == 0) {
		progress_paint(&r->progress, "  looking for a captive portal ...");
		ret = reach_portal(r->k.check_url, addr, portal, e);
	}
	progress_end(&r->progress);
	if (ret == 0)
		return 0;
	if (ret > 0) {
		err_set(e, ERR_FAILED, "a captive portal is in the way");
		err_hint(e, "log in at %.200s", portal);
	}
	return err_prefix(e, "connect: %s: joined, but", r->k.shown);
}

static int report(
    const struct run *r, const json_t *status, bool saved, int64_t ms, struct err *e)
{
	const json_t *wlan = json_object_get(status, "wlan");
	const json_t *host = json_object_get(status, "host_if");
	char key_mgmt[48], name[32];
	json_t *o;

	if (r->cli->json) {
		o = json_pack("{s:s, s:s, s:s, s:b, s:b, s:O?, s:O?}", "instance",
		    r->cli->instance, "ssid", r->k.shown, "ssid_hex", r->k.hex, "saved",
		    (int)saved, "connected", (int)(status != NULL), "wlan", wlan,
		    "host_if", host);
		if (ms >= 0)
			json_object_set_new(o, "waited_ms", json_integer(ms));
		return out_json_end(stdout, o, e);
	}
	if (status == NULL) {
		printf("%s: %s is kept; it holds from the next bhyfi up on\n",
		    r->cli->instance, r->k.shown);
		return 0;
	}
	out_safe(client_str(wlan, "key_mgmt", "?"), key_mgmt, sizeof(key_mgmt));
	out_safe(client_str(host, "name", "?"), name, sizeof(name));
	printf("%s: %sconnected%s to %s (%s) on %s after %.1f s\n", r->cli->instance,
	    out_style(stdout, OUT_GOOD), out_style(stdout, OUT_PLAIN), r->k.shown,
	    key_mgmt, name, (double)ms / 1000);
	return 0;
}

static int join(struct run *r, struct err *e)
{
	json_t *args = json_pack("{s:s, s:I}", "ssid_hex", r->k.hex, "timeout_ms",
	    (json_int_t)r->k.wait_s * 1000);
	struct networks parsed;
	json_t *answer;

	if (r->text.text != NULL) {
		/* As it goes to the guest: in UTF-8. */
		if (networks_parse(r->text.text, r->text.len, r->file.path, &parsed, e) <
		    0) {
			json_decref(args);
			return -1;
		}
		json_object_set_new(args, "text", json_string(parsed.text));
		networks_free(&parsed);
	}
	progress_paint(&r->progress, "  joining %s ...", r->k.shown);
	answer = client_send(r->client, "join", args, e) == 0
		     ? client_recv(r->client, r->k.wait_s * 1000 + GRACE_MS, e)
		     : NULL;
	progress_end(&r->progress);
	if (answer == NULL)
		return err_prefix(e, "connect: %s", r->k.shown);
	json_decref(answer);
	return 0;
}

static int save(const struct run *r, struct err *e)
{
	if (r->text.text == NULL)
		return 0;
	if (netfile_save(&r->file, &r->text, e) < 0)
		return -1;
	return r->client != NULL ? netfile_reload(r->client, e) : 0;
}

/* Until the host's interface carries frames of it. */
static json_t *wait_online(struct run *r, struct err *e)
{
	json_t *status = NULL;

	if (client_send(r->client, "wait",
		json_pack("{s:s, s:i}", "state", "online", "timeout_ms", ONLINE_MS),
		e) == 0)
		follow_wait(r->client, &r->progress, ONLINE_MS + GRACE_MS, &status, e);
	return status;
}

static int join_and_keep(struct run *r, int64_t began, struct err *e)
{
	struct err keep_error = ERR_INIT;
	bool saved = r->text.text != NULL;
	json_t *status;
	int ret;

	if (join(r, e) < 0) {
		if (r->k.save && saved && save(r, &keep_error) == 0)
			err_hint(e, "it is kept all the same");
		return -1;
	}
	if (save(r, e) < 0)
		return -1;
	status = wait_online(r, e);
	if (status == NULL)
		return err_prefix(e, "connect: %s: joined, but", r->k.shown);
	ret = check(r, e);
	if (ret == 0)
		ret = report(r, status, saved, clock_ms() - began, e);
	json_decref(status);
	return ret;
}

static int run(struct run *r, int64_t began, struct err *e)
{
	struct err why = ERR_INIT;

	if (name_of_block(r, e) < 0 || netfile_load(&r->file, r->cli, true, e) < 0)
		return -1;
	r->client = netfile_daemon(r->cli, &why);
	if (why.code != ERR_NONE) {
		*e = why;
		return -1;
	}
	if (find_kind(r, e) < 0 || get_secret(r, e) < 0 || make_text(r, e) < 0)
		return -1;
	warn_of_server(r);
	if (r->client != NULL) {
		client_catch_signals();
		return join_and_keep(r, began, e);
	}
	if (save(r, e) < 0)
		return -1;
	return report(r, NULL, true, -1, e);
}

int cmd_connect(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct run r = {.cli = cli};
	int64_t began = clock_ms();
	int ret = -1;

	progress_init(&r.progress, stderr);
	if (connect_options(&r.k, cli, argc > 1 ? argv[1] : NULL, e) == 0)
		ret = run(&r, began, e);
	client_close(r.client);
	networks_text_free(&r.text);
	netfile_free(&r.file);
	connect_free(&r.k);
	return ret;
}
