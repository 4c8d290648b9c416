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

#define BLOB_HEAD "blob-base64-"

/* A blob's name, and the lines between its braces. */
struct blob {
	const char *name, *text;
	size_t name_len, len;
};

static bool is_blob(const char *line, size_t len)
{
	return len > strlen(BLOB_HEAD "={") &&
	       memcmp(line, BLOB_HEAD, strlen(BLOB_HEAD)) == 0 &&
	       memcmp(line + len - 2, "={", 2) == 0;
}

static bool next_blob(const char **p, const char *end, struct blob *b)
{
	const char *line, *before;
	bool in = false;
	size_t len;

	for (before = *p; next_line(p, end, &line, &len); before = *p) {
		if (in && is_line(line, len, "}")) {
			b->len = (size_t)(before - b->text);
			return true;
		}
		if (in || !is_blob(line, len))
			continue;
		in = true;
		b->name = line + strlen(BLOB_HEAD);
		b->name_len = len - strlen(BLOB_HEAD "={");
		b->text = *p;
	}
	return false;
}

static bool is_named(const struct blob *a, const struct blob *b)
{
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

/* The last of that name: the one that counts. */
static bool last_blob(const char *conf, const struct blob *name, struct blob *last)
{
	const char *end = conf + strlen(conf);
	bool found = false;
	struct blob b;

	while (next_blob(&conf, end, &b))
		if (is_named(&b, name)) {
			*last = b;
			found = true;
		}
	return found;
}

/* The next that the supplicant does not have as it is. */
static bool next_new_blob(const char **p, const char *old_conf, struct blob *b)
{
	const char *end = *p + strlen(*p);
	struct blob other;

	while (next_blob(p, end, b)) {
		if (last_blob(*p, b, &other))
			continue;
		if (!last_blob(old_conf, b, &other) || other.len != b->len ||
		    memcmp(other.text, b->text, b->len) != 0)
			return true;
	}
	return false;
}

/* The six bits of a character of base64 (RFC 4648), -1: none. */
static int base64_digit(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* `SET blob NAME HEX`; false where it is no base64, does not fit, or is not one of ours:
 * with a private key in it the supplicant would show it where it logs its commands. */
static bool blob_command(const struct blob *b, char *cmd)
{
	size_t n = (size_t)snprintf(
	    cmd, WPA_SYNC_CMD_MAX, "SET blob %.*s ", (int)b->name_len, b->name);
	unsigned bits = 0, have = 0, padding = 0, digits = 0;

	if (n >= WPA_SYNC_CMD_MAX || b->name_len < 3 || memcmp(b->name, "ca-", 3) != 0 ||
	    memchr(b->name, ' ', b->name_len) != NULL)
		return false;
	for (size_t i = 0; i < b->len; i++) {
		int d = base64_digit(b->text[i]);

		if (strchr(" \t\r\n", b->text[i]) != NULL && b->text[i] != '\0')
			continue;
		padding += b->text[i] == '=';
		if ((d < 0 && b->text[i] != '=') || (d >= 0 && padding > 0))
			return false;
		digits++;
		if (d < 0)
			continue;
		bits = bits << 6 | (unsigned)d;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n + 2 >= WPA_SYNC_CMD_MAX)
			return false;
		n += (size_t)snprintf(
		    cmd + n, WPA_SYNC_CMD_MAX - n, "%02x", bits >> have & 0xff);
	}
	return digits > 0 && digits % 4 == 0 && padding <= 2;
}

static bool blobs_fit(const char *old_conf, const char *conf)
{
	char cmd[WPA_SYNC_CMD_MAX];
	struct blob b;
	bool fit = true;

	while (fit && next_new_blob(&conf, old_conf, &b))
		fit = blob_command(&b, cmd);
	explicit_bzero(cmd, sizeof(cmd));
	return fit;
}

/* The next line that is no network's, no blob's, no comment and not empty. */
static bool next_global(const char **p, const char *end, const char **line, size_t *len)
{
	bool in = false;

	while (next_line(p, end, line, len)) {
		if (in) {
			in = !is_line(*line, *len, "}");
			continue;
		}
		in = is_line(*line, *len, "network={") || is_blob(*line, *len);
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
	s->old_conf = old_conf;
	s->blob = conf;
	if (!same_globals(old_conf, conf) || !blobs_fit(old_conf, conf) ||
	    !wpa_nets_find(conf, &s->now))
		return false;
	for (size_t k = 0; k < s->old.n; k++)
		s->gone[k] = true;
	for (size_t i = 0; i < s->now.n; i++)
		s->match[i] = -1;
	match_nets(s, false);
	match_nets(s, true);
	return true;
}

static bool next_set_blob(struct wpa_sync *s, char *cmd)
{
	struct blob b;

	return next_new_blob(&s->blob, s->old_conf, &b) && blob_command(&b, cmd);
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
	    [WPA_SYNC_BLOB] = next_set_blob,
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
