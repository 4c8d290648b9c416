/* The state of all doubles of a SYSROOT: one JSON file behind one lock. */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

#define STATE_FILE "/var/double/state.json"
#define LOCK_FILE "/var/double/lock"

static int lock = -1;

json_t *state_open(void)
{
	json_error_t why;
	json_t *state;

	if (lock >= 0)
		double_errx(70, "the state is open already");
	lock = open(double_path(LOCK_FILE), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		double_err(70, errno, "%s", double_path(LOCK_FILE));
	state = json_load_file(double_path(STATE_FILE), 0, &why);
	if (state == NULL)
		double_errx(70, "%s: %s", double_path(STATE_FILE), why.text);
	return state;
}

void state_close(json_t *state, bool save)
{
	char AUTO_FREE *text = save ? json_dumps(state, JSON_INDENT(1)) : NULL;
	struct err e = ERR_INIT;

	json_decref(state);
	if (save && (text == NULL || fs_write_atomic(double_path(STATE_FILE), 0644, text,
					 strlen(text), &e) < 0))
		double_errx(70, "state: %s", e.msg);
	close(lock);
	lock = -1;
}

const char *state_text(const json_t *o, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : def;
}

json_int_t state_int(const json_t *o, const char *key, json_int_t def)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool state_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

json_t *state_object(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (v == NULL) {
		v = json_object();
		json_object_set_new(o, key, v);
	}
	return v;
}
