/* Scenario files, and what is written from those that are good. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario s;
	struct err e;
	char *text;

	if (scenario_parse((const char *)data, size, &s, &e) < 0)
		return 0;
	for (unsigned i = 0; i < s.n_aps; i++) {
		text = conf_hostapd(&s, i);
		if (text != NULL && strstr(text, "\n\n") != NULL)
			abort();
		free(text);
	}
	free(conf_dnsmasq(&s));
	return 0;
}
