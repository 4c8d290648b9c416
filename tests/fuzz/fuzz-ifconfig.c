/* What ifconfig prints of one interface. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "os/freebsd-ifconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	unsigned char binary[16];
	struct ifconfig i;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ifconfig_parse(text, "tap0", &i, NULL) == 0) {
		if (strncmp(text, "tap0: ", 6) != 0 || i.naddrs > IFCONFIG_ADDRS)
			abort();
		/* They become arguments. */
		for (size_t n = 0; n < i.naddrs; n++)
			if (inet_pton(i.addrs[n].inet6 ? AF_INET6 : AF_INET,
				i.addrs[n].text, binary) != 1)
				abort();
	}
	free(text);
	return 0;
}
