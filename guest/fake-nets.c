#include "fake-nets.h"

#include <stdio.h>
#include <string.h>

#include "ssid.h"

static void take_ssid(struct fake_net *n, const char *v, size_t len)
{
	char text[256];
	int got;

	snprintf(text, sizeof(text), "%.*s", (int)len, v);
	got = ssid_value(text, n->ssid, sizeof(n->ssid));
	n->ssid_len = got < 0 ? 0 : (size_t)got;
}

static void take_secret(struct fake_net *n, const char *v, size_t len)
{
	if (len >= 2 && v[0] == '"' && v[len - 1] == '"') {
		v++;
		len -= 2;
	}
	snprintf(n->secret, sizeof(n->secret), "%.*s",
	    (int)(len < sizeof(n->secret) ? len : sizeof(n->secret) - 1), v);
}

static bool is_key(const char *line, size_t len, const char *key)
{
	return len > strlen(key) && strncmp(line, key, strlen(key)) == 0 &&
	       line[strlen(key)] == '=';
}

static void take_line(struct fake_net *n, const char *line, size_t len)
{
	const char *eq = memchr(line, '=', len);
	const char *v;
	size_t vlen;

	if (eq == NULL)
		return;
	v = eq + 1;
	vlen = len - (size_t)(v - line);
	if (is_key(line, len, "ssid"))
		take_ssid(n, v, vlen);
	else if (is_key(line, len, "psk") || is_key(line, len, "sae_password"))
		take_secret(n, v, vlen);
	else if (is_key(line, len, "key_mgmt"))
		n->open = vlen >= 4 && strncmp(v, "NONE", 4) == 0;
	else if (is_key(line, len, "scan_ssid"))
		n->scan_ssid = vlen == 1 && v[0] == '1';
	else if (is_key(line, len, "disabled"))
		n->disabled = vlen == 1 && v[0] == '1';
}

size_t fake_nets_parse(const char *text, struct fake_net nets[], size_t max)
{
	struct fake_net n;
	size_t count = 0;
	bool in = false;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n"), next = len + (text[len] == '\n');
		size_t skip = strspn(text, " \t");

		if (skip > len)
			skip = len;
		const char *line = text + skip;
		len -= skip;
		while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
			len--;
		if (!in && len >= 9 && strncmp(line, "network={", 9) == 0) {
			memset(&n, 0, sizeof(n));
			in = true;
		} else if (in && len == 1 && line[0] == '}') {
			in = false;
			if (count < max)
				nets[count++] = n;
		} else if (in && len > 0 && line[0] != '#') {
			take_line(&n, line, len);
		}
		text += next;
	}
	explicit_bzero(&n, sizeof(n));
	return count;
}
