#include "freebsd-ifconfig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/socket.h>

/* "tap0: flags=8843<UP,BROADCAST,...> metric 0 mtu 1500" */
static bool head_line(const char *line, const char *ifname, struct ifconfig *i)
{
	size_t n = strlen(ifname);
	unsigned flags;

	if (strncmp(line, ifname, n) != 0 || strncmp(line + n, ": flags=", 8) != 0 ||
	    sscanf(line + n + 8, "%8x", &flags) != 1)
		return false;
	i->up = (flags & 1) != 0; /* IFF_UP */
	return true;
}

static void address(const char *text, bool inet6, struct ifconfig *i)
{
	unsigned char binary[16];
	char word[48];

	if (i->naddrs == IFCONFIG_ADDRS || sscanf(text, "%47[0-9a-fA-F.:]", word) != 1 ||
	    inet_pton(inet6 ? AF_INET6 : AF_INET, word, binary) != 1)
		return;
	i->addrs[i->naddrs].inet6 = inet6;
	memcpy(i->addrs[i->naddrs++].text, word, sizeof(word));
}

int ifconfig_parse(
    const char *text, const char *ifname, struct ifconfig *i, struct err *e)
{
	char line[512];
	bool first = true, described = false;

	memset(i, 0, sizeof(*i));
	for (; *text != '\0'; first = false) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(n < 511 ? n : 511), text);
		text += n + (text[n] == '\n');
		if (first && !head_line(line, ifname, i))
			break;
		/* Only the second line: a description may have lines of its own. */
		if (!described && !first && strncmp(line, "\tdescription: ", 14) == 0)
			snprintf(
			    i->description, sizeof(i->description), "%.63s", line + 14);
		described |= !first;
		if (strncmp(line, "\tinet ", 6) == 0)
			address(line + 6, false, i);
		else if (strncmp(line, "\tinet6 ", 7) == 0 &&
			 strstr(line, " autoconf") != NULL)
			address(line + 7, true, i);
	}
	if (!first)
		return 0;
	return err_set(e, ERR_FAILED, "ifconfig: it did not tell of %.15s", ifname);
}
