/* Device events, kernel log records, the kernel's command line, /proc. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "radio-why.h"
#include "status.h"
#include "uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct cpu_sample cpu;
	struct uevent ev;
	char word[16];

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (uevent_parse(text, size, &ev) && strlen(ev.devpath) > size)
		__builtin_trap();
	(void)cmdline_find(text, "bhyfi.air", word, sizeof(word));
	(void)status_meminfo(text, "MemTotal");
	(void)status_cpu(text, &cpu);
	(void)radio_why_firmware(text);
	free(text);
	return 0;
}
