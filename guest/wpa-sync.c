#include "wpa-sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* The line at *p without blanks around it, and *p behind it. False at the end. */
static bool next_line(const char **p, const char *end, const char **line, size_t *len)
{
	const char *s = *p, *nl;

	if (s >= end)
		return false;
	nl = memchr(s, '\n', (size_t)(end - s));
	*p = nl != NULL ? nl + 1 : end;
	*len = (size_t)((nl != NULL ? nl : end) - s);
	while (*len > 0 && strchr(" \t\r", *s) != NULL) {
		s++;
		--*len;
	}
	while (*len > 0 && strchr(" \t\r", s[*len - 1]) != NULL)
		--*len;
	*line = s;
	return true;
}

static bool is_line(const char *line, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(line, text, len) == 0;
}

/* The value of `key=` at the line, NULL: another line. */
static const char *value_of(const char *line, size_t len, const char *key, size_t *vlen)
{
	size_t n = strlen(key);

	if (len <= n || memcmp(line, key, n) != 0 || line[n] != '=')
		return NULL;
	*vlen = len - n - 1;
	return line + n + 1;
}

/* The value of the block's last line with that key: the one that counts. */
static const char *net_value(const struct wpa_net *net, const char *key, size_t *vlen)
{
	const char *p = net->text, *line, *found = NULL;
	size_t len, n;

	while (next_line(&p, net->text + net->len, &line, &len)) {
		const char *v = value_of(line, len, key, &n);

		if (v != NULL) {
			found = v;
			*vlen = n;
		}
	}
	return found;
}

static long net_number(const struct wpa_net *net, const char *key)
{
	char text[16];
	size_t len;
	const char *v = net_value(net, key, &len);

	if (v == NULL || len >= sizeof(text))
		return 0;
	memcpy(text, v, len);
	text[len] = '\0';
	return strtol(text, NULL, 0);
}

static void read_net(struct wpa_net *net)
{
	char text[4 * SSID_MAX + 8];
	size_t len;
	const char *v = net_value(net, "ssid", &len);
	int n = -1;

	if (v != NULL && len < sizeof(text)) {
		memcpy(text, v, len);
		text[len] = '\0';
		n = ssid_value(text, net->ssid, sizeof(net->ssid));
	}
	net->ssid_len = n > 0 ? (size_t)n : 0;
	net->disabled = net_number(net, "disabled") != 0;
}

bool wpa_nets_find(const char *conf, struct wpa_nets *nets)
{
	const char *p = conf, *end = conf + strlen(conf), *line, *before;
	bool in = false, other = false;
	size_t len;

	nets->n = 0;
	for (before = p; next_line(&p, end, &line, &len); before = p) {
		struct wpa_net *net = &nets->list[nets->n];

		if (is_line(line, len, "}")) {
			if (in) {
				net->len = (size_t)(before - net->text);
				read_net(net);
				nets->n++;
			}
			in = other = false;
		} else if (!in && !other && is_line(line, len, "network={")) {
			if (nets->n == WPA_NETS_MAX)
				return false;
			*net = (struct wpa_net){.text = p, .id = (int)nets->n};
			in = true;
		} else if (!in && len > 2 && memcmp(line + len - 2, "={", 2) == 0) {
			other = true;
		}
	}
	return !in;
}

const struct wpa_net *wpa_nets_named(
    const struct wpa_nets *nets, const uint8_t *ssid, size_t len)
{
	for (size_t i = 0; i < nets->n; i++)
		if (nets->list[i].ssid_len == len &&
		    memcmp(nets->list[i].ssid, ssid, len) == 0)
			return &nets->list[i];
	return NULL;
}

/* The next line that is no network's, no comment and not empty. */
static bool next_global(const char **p, const char *end, const char **line, size_t *len)
{
	bool in = false;

	while (next_line(p, end, line, len)) {
		if (in) {
			in = !is_line(*line, *len, "}");
			continue;
		}
		in = is_line(*line, *len, "network={");
		if (!in && *len > 0 && **line != '#')
			return true;
	}
	return false;
}

static bool same_globals(const char *a, const char *b)
{
	const char *a_end = a + strlen(a), *b_end = b + strlen(b), *la, *lb;
	size_t na, nb;

	while (true) {
		bool more_a = next_global(&a, a_end, &la, &na);
		bool more_b = next_global(&b, b_end, &lb, &nb);

		if (!more_a || !more_b)
			return more_a == more_b;
		if (na != nb || memcmp(la, lb, na) != 0)
			return false;
	}
}

/* What can be set while the network is in use. */
static bool is_adjustable(const char *line, size_t len)
{
	size_t n;

	return value_of(line, len, "priority", &n) != NULL ||
	       value_of(line, len, "disabled", &n) != NULL;
}

static bool next_setting(
    const char **p, const char *end, const char **line, size_t *len, bool but_adjustable)
{
	while (next_line(p, end, line, len))
		if (*len > 0 && **line != '#' &&
		    !(but_adjustable && is_adjustable(*line, *len)))
			return true;
	return false;
}

/* Line by line; with loose, but for what can be adjusted. */
static bool same_net(const struct wpa_net *a, const struct wpa_net *b, bool loose)
{
	const char *pa = a->text, *pb = b->text, *la, *lb;
	size_t na, nb;

	while (true) {
		bool more_a = next_setting(&pa, a->text + a->len, &la, &na, loose);
		bool more_b = next_setting(&pb, b->text + b->len, &lb, &nb, loose);

		if (!more_a || !more_b)
			return more_a == more_b;
		if (na != nb || memcmp(la, lb, na) != 0)
			return false;
	}
}

static void match_nets(struct wpa_sync *s, bool loose)
{
	for (size_t i = 0; i < s->now.n; i++)
		for (size_t k = 0; k < s->old.n && s->match[i] < 0; k++)
			if (s->gone[k] &&
			    same_net(&s->now.list[i], &s->old.list[k], loose)) {
				s->match[i] = (int)k;
				s->adjust[i] = loose;
				s->gone[k] = false;
				s->now.list[i].id = s->old.list[k].id;
			}
}

bool wpa_sync_init(struct wpa_sync *s, const char *old_conf, const struct wpa_nets *old,
    const char *conf)
{
	memset(s, 0, sizeof(*s));
	s->old = *old;
	if (!same_globals(old_conf, conf) || !wpa_nets_find(conf, &s->now))
		return false;
	for (size_t k = 0; k < s->old.n; k++)
		s->gone[k] = true;
	for (size_t i = 0; i < s->now.n; i++)
		s->match[i] = -1;
	match_nets(s, false);
	match_nets(s, true);
	return true;
}

static bool next_remove(struct wpa_sync *s, char *cmd)
{
	for (; s->net < s->old.n; s->net++)
		if (s->gone[s->net]) {
			snprintf(cmd, WPA_SYNC_CMD_MAX, "REMOVE_NETWORK %d",
			    s->old.list[s->net++].id);
			return true;
		}
	return false;
}

static bool next_adjust(struct wpa_sync *s, char *cmd)
{
	for (; s->net < s->now.n; s->net++, s->part = 0) {
		const struct wpa_net *net = &s->now.list[s->net];

		if (!s->adjust[s->net] || s->part == 2)
			continue;
		if (s->part++ == 0)
			snprintf(cmd, WPA_SYNC_CMD_MAX, "SET_NETWORK %d priority %ld",
			    net->id, net_number(net, "priority"));
		else if (net->disabled)
			snprintf(
			    cmd, WPA_SYNC_CMD_MAX, "SET_NETWORK %d disabled 1", net->id);
		else
			snprintf(cmd, WPA_SYNC_CMD_MAX, "ENABLE_NETWORK %d", net->id);
		return true;
	}
	return false;
}

static void set_command(
    const struct wpa_net *net, const char *line, size_t len, char *cmd)
{
	const char *eq = memchr(line, '=', len);
	size_t key = eq != NULL ? (size_t)(eq - line) : len;

	snprintf(cmd, WPA_SYNC_CMD_MAX, "SET_NETWORK %d %.*s %.*s", net->id, (int)key,
	    line, eq != NULL ? (int)(len - key - 1) : 0, eq != NULL ? eq + 1 : "");
}

static bool next_add(struct wpa_sync *s, char *cmd)
{
	for (; s->net < s->now.n; s->net++) {
		struct wpa_net *net = &s->now.list[s->net];
		const char *end = net->text + net->len, *line;
		size_t len;

		if (s->match[s->net] >= 0)
			continue;
		if (s->line == NULL) {
			s->line = net->text;
			s->asked_id = true;
			snprintf(cmd, WPA_SYNC_CMD_MAX, "ADD_NETWORK");
			return true;
		}
		/* disabled is how it is now, and what it is to be comes last. */
		if (next_setting(&s->line, end, &line, &len, false)) {
			set_command(net, line, len, cmd);
			return true;
		}
		s->line = NULL;
		if (!net->disabled) {
			s->net++;
			snprintf(cmd, WPA_SYNC_CMD_MAX, "ENABLE_NETWORK %d", net->id);
			return true;
		}
	}
	return false;
}

bool wpa_sync_next(struct wpa_sync *s, char *cmd)
{
	static bool (*const phases[])(struct wpa_sync *, char *) = {
	    [WPA_SYNC_REMOVE] = next_remove,
	    [WPA_SYNC_ADJUST] = next_adjust,
	    [WPA_SYNC_ADD] = next_add,
	};

	for (; s->phase < WPA_SYNC_DONE; s->phase++, s->net = 0)
		if (phases[s->phase](s, cmd))
			return true;
	return false;
}

bool wpa_sync_reply(struct wpa_sync *s, const char *reply)
{
	char *end;
	long id;

	/* Somebody may have taken it out before us, by wpa_cli. */
	if (s->phase == WPA_SYNC_REMOVE)
		return true;
	if (!s->asked_id)
		return strncmp(reply, "OK", 2) == 0;
	s->asked_id = false;
	id = strtol(reply, &end, 10);
	if (end == reply || id < 0 || id > INT16_MAX)
		return false;
	s->now.list[s->net].id = (int)id;
	return true;
}
