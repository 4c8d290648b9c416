#include "macs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"
#include "ssid.h"

static void random_mac(uint8_t mac[6])
{
	/* The kernel has its randomness by the time that there is a radio. */
	if (getrandom(mac, 6, 0) != 6) {
		log_error("no random numbers");
		abort();
	}
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

static const struct settings_mac *find(
    const struct settings_mac *list, size_t n, const uint8_t *ssid, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].ssid_len == len && memcmp(list[i].ssid, ssid, len) == 0)
			return &list[i];
	return NULL;
}

/* Of one that follows from the network nothing is known yet, unless there is but one. */
void macs_idle(struct macs *m, const struct settings *s, uint8_t mac[6])
{
	if (s->has_mac) {
		memcpy(mac, s->mac, 6);
	} else if (!s->mac_random) {
		memcpy(mac, m->permanent, 6);
	} else if (s->n_macs == 1 && s->macs[0].ssid_len > 0) {
		memcpy(mac, s->macs[0].mac, 6);
	} else {
		if (!m->has_idle)
			random_mac(m->idle);
		m->has_idle = true;
		memcpy(mac, m->idle, 6);
	}
}

void macs_network(struct macs *m, const struct settings *s, const uint8_t *ssid,
    size_t len, uint8_t mac[6])
{
	const struct settings_mac *row = find(s->macs, s->n_macs, ssid, len);
	size_t kept = m->n < MACS_KEPT ? m->n : MACS_KEPT;
	struct settings_mac *fresh;

	if (s->has_mac || !s->mac_random || len == 0 || len > SSID_MAX) {
		macs_idle(m, s, mac);
		return;
	}
	if (row == NULL)
		row = find(m->kept, kept, ssid, len);
	if (row == NULL) {
		fresh = &m->kept[m->n % MACS_KEPT];
		memset(fresh, 0, sizeof(*fresh));
		memcpy(fresh->ssid, ssid, len);
		fresh->ssid_len = len;
		/* The first network keeps the address with which it was looked for: to
		 * change it would take another association. */
		if (m->n == 0 && s->n_macs == 0)
			macs_idle(m, s, fresh->mac);
		else
			random_mac(fresh->mac);
		m->n++;
		row = fresh;
	}
	memcpy(mac, row->mac, 6);
}

bool macs_event_ssid(const char *event, uint8_t ssid[SSID_MAX], size_t *len)
{
	static const char begin[] = "(SSID='", end[] = "' freq=";
	const char *from = strstr(event, begin), *to = NULL, *p;

	if (from == NULL || (strstr(event, "Trying to associate with ") == NULL &&
				strstr(event, "Trying to authenticate with ") == NULL))
		return false;
	from += sizeof(begin) - 1;
	/* An SSID may hold the words that end it: the last ones do. */
	for (p = from; (p = strstr(p, end)) != NULL; p++)
		to = p;
	if (to == NULL)
		return false;
	*len = ssid_unescape_loose(from, (size_t)(to - from), ssid, SSID_MAX);
	return true;
}
