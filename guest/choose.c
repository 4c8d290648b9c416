#include "choose.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "msg.h"

static bool is_refused(const struct choose *c, const uint8_t bssid[6])
{
	unsigned n = c->n_refused < CHOOSE_REFUSED ? c->n_refused : CHOOSE_REFUSED;

	for (unsigned i = 0; i < n; i++)
		if (memcmp(c->refused[i], bssid, 6) == 0)
			return true;
	return false;
}

/* Clone, and no way back before there is another access point. */
static void fall_back(struct choose *c)
{
	struct err e = ERR_INIT;

	if (c->ops->use(c->arg, &path_clone, &e) < 0) {
		c->ops->complain(c->arg, e.msg);
		return;
	}
	c->path = &path_clone;
}

static void on_proof(void *arg, bool seen)
{
	struct choose *c = arg;
	char mac[MAC_TEXT_SIZE], text[CHOOSE_WHY + 64];

	msg_mac_text(c->bssid, mac);
	if (!c->is_auto) {
		if (!seen && !c->told) {
			snprintf(text, sizeof(text),
			    "mode wds: nothing comes from the access point %s: does it "
			    "take WDS stations?",
			    mac);
			c->told = true;
			c->ops->complain(c->arg, text);
		}
		return;
	}
	if (seen) {
		c->open = true;
		snprintf(c->why, sizeof(c->why),
		    "the access point %s answers frames with four addresses", mac);
		log_info("mode auto: wds: %s", c->why);
		c->ops->changed(c->arg);
		return;
	}
	memcpy(c->refused[c->n_refused++ % CHOOSE_REFUSED], c->bssid, 6);
	snprintf(c->why, sizeof(c->why),
	    "no answer to frames with four addresses by way of the access point %s in %d "
	    "s",
	    mac, PROOF_MS / 1000);
	fall_back(c);
	log_info("mode auto: clone: %s", c->why);
	c->ops->changed(c->arg);
	c->ops->rejoin(c->arg);
}

void choose_init(
    struct choose *c, struct event_base *base, const struct choose_ops *ops, void *arg)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->arg = arg;
	proof_init(&c->proof, base, on_proof, c);
}

const struct path_ops *choose_mode(struct choose *c, const char *mode)
{
	bool is_auto = strcmp(mode, "auto") == 0;

	c->watch = strcmp(mode, "wds") == 0;
	/* What was found out holds on. */
	if (is_auto && c->is_auto)
		return c->path;
	proof_stop(&c->proof);
	c->is_auto = is_auto;
	c->joined = c->told = c->hopeless = false;
	c->open = !is_auto;
	c->why[0] = '\0';
	c->path = path_find(mode);
	return c->path;
}

bool choose_failed(struct choose *c, const struct err *why)
{
	if (!c->is_auto || c->path != &path_wds)
		return false;
	snprintf(c->why, sizeof(c->why), "%.*s", (int)sizeof(c->why) - 1, why->msg);
	/* No access point changes that. */
	c->hopeless = c->open = true;
	fall_back(c);
	return c->path == &path_clone;
}

static void begin_proof(struct choose *c, const struct radio *r)
{
	struct err e = ERR_INIT;

	if (proof_start(&c->proof, r->ifindex, r->mac, &e) == 0)
		return;
	c->ops->complain(c->arg, e.msg);
	on_proof(c, false);
}

/* An access point that was not joined before, or once more. */
static void join(struct choose *c, const struct radio *r)
{
	char mac[MAC_TEXT_SIZE];
	struct err e = ERR_INIT;

	msg_mac_text(c->bssid, mac);
	if (c->watch)
		begin_proof(c, r);
	if (!c->is_auto || c->hopeless)
		return;
	if (is_refused(c, c->bssid)) {
		if (c->path == &path_clone) {
			c->open = true;
			return;
		}
		snprintf(c->why, sizeof(c->why),
		    "the access point %s did not answer frames with four addresses", mac);
		fall_back(c);
		c->ops->rejoin(c->arg);
		return;
	}
	if (c->path != &path_wds) {
		c->path = &path_wds;
		if (c->ops->use(c->arg, &path_wds, &e) < 0) {
			choose_failed(c, &e);
			return;
		}
	}
	begin_proof(c, r);
}

void choose_state(struct choose *c, const struct wlan_state *s, const struct radio *r)
{
	bool up = s->phase == WLAN_ASSOCIATED && s->has_bssid;

	if (up && c->joined && memcmp(s->bssid, c->bssid, 6) == 0)
		return;
	proof_stop(&c->proof);
	if (c->is_auto && !c->hopeless)
		c->open = false;
	c->joined = up;
	if (!up)
		return;
	memcpy(c->bssid, s->bssid, 6);
	c->told = false;
	join(c, r);
}

bool choose_open(const struct choose *c)
{
	return c->open;
}

void choose_free(struct choose *c)
{
	proof_stop(&c->proof);
}
