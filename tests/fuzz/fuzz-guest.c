/* What the guest's messages say: lines of a type's number, a blank, a JSON object. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "guest.h"
#include "log.h"
#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *arg, enum machine_event ev, const struct machine_input *in)
{
	(void)arg;
	if (ev == EV_RADIO && (in->mac == NULL || (in->mac[0] & 1) != 0))
		__builtin_trap();
}

static void on_stage(void *arg, enum stage s)
{
	record_stage(arg, s, 5);
}

static void on_status(void *arg)
{
	(void)arg;
}

static void on_air(void *arg, int64_t id, const json_t *o)
{
	(void)arg;
	(void)id;
	(void)o;
}

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 32)
			__builtin_trap();
}

/* What is kept must be fit for JSON: not NULL, not cut within a character. */
static void check(json_t *o)
{
	char *text = json_dumps(o, 0);

	if (o == NULL || text == NULL)
		__builtin_trap();
	free(text);
	json_decref(o);
}

static void on_wpa(void *arg, enum msg_type type, const json_t *o)
{
	(void)arg;
	(void)type;
	(void)o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct guest_ops ops = {
	    on_event, on_stage, on_status, on_air, on_wpa};
	const char *s = (const char *)data, *end = s + size;
	struct record r;
	struct guest g;

	log_set_sink(sink, NULL);
	log_set_level(LOG_LEVEL_DEBUG);
	record_clear(&r);
	guest_init(&g, &r, &ops, &r);
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		const char *stop = nl != NULL ? nl : end;
		uint8_t type = 0;
		json_t *o;

		while (s < stop && *s >= '0' && *s <= '9')
			type = (uint8_t)(type * 10 + (*s++ - '0'));
		o = msg_parse(s, (size_t)(stop - s));
		if (o != NULL && msg_row(type) != NULL)
			guest_message(&g, (enum msg_type)type, o, 5);
		json_decref(o);
		s = stop + 1;
	}
	check(record_wlan_json(&r));
	check(record_guest_json(&r));
	check(record_stages_json(&r));
	check(record_guest_stages_json(&r));
	return 0;
}
