#include "forward.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool next_port(char **rest, uint16_t *port)
{
	const char *word = strsep(rest, " \t");
	unsigned long n;
	char *end;

	if (word == NULL || !isdigit((unsigned char)word[0]))
		return false;
	n = strtoul(word, &end, 10);
	*port = (uint16_t)n;
	return *end == '\0' && n >= 1 && n <= UINT16_MAX;
}

/* "tcp 2222 22", "udp 5000" */
static bool parse_one_forward(char *text, struct forward *f)
{
	char *rest, *word;
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len > 0 && isblank((unsigned char)text[len - 1]); len--)
		text[len - 1] = '\0';
	rest = text;
	word = strsep(&rest, " \t");
	f->udp = strcmp(word, "udp") == 0;
	if ((!f->udp && strcmp(word, "tcp") != 0) || !next_port(&rest, &f->port))
		return false;
	f->to = f->port;
	return rest == NULL || (next_port(&rest, &f->to) && rest == NULL);
}

int forwards_parse(const char *text, struct forwards *f)
{
	char copy[512], *rest = copy, *item;

	if (strlen(text) >= sizeof(copy))
		return -1;
	memcpy(copy, text, strlen(text) + 1);
	memset(f, 0, sizeof(*f));
	while ((item = strsep(&rest, ",")) != NULL) {
		struct forward *new = &f->list[f->n];

		if (f->n == FORWARDS_MAX || !parse_one_forward(item, new))
			return -1;
		for (unsigned i = 0; i < f->n; i++)
			if (f->list[i].udp == new->udp && f->list[i].port == new->port)
				return -1;
		f->n++;
	}
	return 0;
}

json_t *forwards_json(const struct forwards *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:i, s:i}", "protocol",
			      f->list[i].udp ? "udp" : "tcp", "port",
			      (int)f->list[i].port, "to", (int)f->list[i].to));
	return list;
}

static bool is_private(uint32_t a)
{
	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
	       /* For documentation, and so for tests (RFC 5737). */
	       a >> 8 == 0xc00002 || a >> 8 == 0xc63364 || a >> 8 == 0xcb0071;
}

int forwards_subnet(const char *text, char out[SUBNET_TEXT])
{
	const char *slash = strchr(text, '/');
	char address[SUBNET_TEXT];
	struct in_addr a;
	uint32_t n;

	if (slash == NULL || strcmp(slash, "/24") != 0 ||
	    (size_t)(slash - text) >= sizeof(address))
		return -1;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, &a) != 1)
		return -1;
	n = ntohl(a.s_addr);
	if (!is_private(n) || (n & 0xff) != 0)
		return -1;
	memcpy(out, address, sizeof(address));
	return 0;
}
