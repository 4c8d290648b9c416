/* Other programs' settings: shell assignments, vm-bhyve's lines, and the values in them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "found.h"
#include "vm-bhyve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct assigns *a, size_t size)
{
	struct card_id card;

	for (size_t i = 0; i < a->n; i++) {
		const struct assign *s = &a->list[i];

		/* Either a value or a reason, and nothing that was not there. */
		if ((s->problem != NULL && s->value[0] != '\0') || s->line == 0 ||
		    strlen(s->value) > size || strlen(s->name) > size)
			__builtin_trap();
		vm_bhyve_key(s->name);
		if (found_memory(s->value) > 1024 * 1024)
			__builtin_trap();
		if (found_device(s->value, strlen(s->value), &card) == 0 &&
		    (card.kind != CARD_PCI || card.bus > 255 || card.slot > 31 ||
			card.function > 7))
			__builtin_trap();
		assigns_last(a, s->name);
		assigns_first(a, s->name);
	}
	assigns_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct err e = ERR_INIT;
	struct assigns a;

	if (assigns_parse(text, size, "fuzz", &a, &e) == 0)
		look(&a, size);
	if (assigns_parse_vm(text, size, "fuzz", &a, &e) == 0)
		look(&a, size);
	return 0;
}
