#include "sleep.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"

#define CYCLES_MAX 10

static json_t *run_json(const struct inst *i, int timeout_ms, const char *command)
{
	struct err e = ERR_INIT;
	json_t *o = inst_json(i, timeout_ms, &e, command, NULL);

	ok(o ? 0 : -1, &e);
	return o;
}

void sleep_suspend(const struct inst *i, enum clean clean)
{
	json_t *o = run_json(i, DOWN_MS, "suspend");
	const json_t *said = json_at(o, "clean_stop");

	assert_true(strcmp(text_at(o, "state"), "suspended") == 0 ||
		    strcmp(text_at(o, "state"), "stopped") == 0);
	if (clean != ANY)
		assert_int_equal(
		    json_typeof(said), clean == CLEAN ? JSON_TRUE : JSON_FALSE);
	json_decref(o);
}

double sleep_resume(const struct inst *i)
{
	int64_t began = clock_ms();
	json_t *o = run_json(i, UP_MS, "resume");
	double s = (double)(clock_ms() - began) / 1000;

	assert_string_equal(text_at(o, "state"), "online");
	json_decref(o);
	return s;
}

void sleep_suspended(const struct inst *i, const char *vmm)
{
	AUTO_FREE char *record = NULL;
	char path[PATH_MAX + 16];
	struct err e = ERR_INIT;
	struct process p;
	json_t *o;

	assert_false(process_find(vmm, NULL, 0, &p));
	assert_true(net_exists(i->tap));
	assert_false(net_has_carrier(i->tap));
	o = lab_status(i);
	assert_string_equal(text_at(o, "state"), "suspended");
	assert_true(json_is_null(json_at(o, "pid")));
	json_decref(o);
	snprintf(path, sizeof(path), "%s/vm.json", i->run);
	ok(fs_read_file(path, 4096, &record, NULL, &e), &e);
	o = json_loads(record, 0, NULL);
	assert_true(json_is_true(json_at(o, "suspended")));
	assert_true(json_is_false(json_at(o, "claimed")));
	assert_int_equal((int)number_at(o, "pid"), 0);
	json_decref(o);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *what, double *s, int n)
{
	qsort(s, (size_t)n, sizeof(s[0]), by_value);
	print_message("# %s, %d times: min %.1f s, median %.1f s, max %.1f s\n", what, n,
	    s[0], (s[(n - 1) / 2] + s[n / 2]) / 2, s[n - 1]);
}

int sleep_times(int usual)
{
	const char *times = getenv("BHYFI_SLEEPS");

	return times ? atoi(times) : usual;
}

void sleep_cycles(const struct inst *i, int n, const char *vmm)
{
	double off[CYCLES_MAX], traffic[CYCLES_MAX], ms;
	struct err e = ERR_INIT;
	struct lease l;

	assert_in_range(n, 1, CYCLES_MAX);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	for (int k = 0; k < n; k++) {
		int64_t began = clock_ms();
		double online;

		sleep_suspend(i, CLEAN);
		off[k] = (double)(clock_ms() - began) / 1000;
		sleep_suspended(i, vmm);
		began = clock_ms();
		online = sleep_resume(i);
		ok(net_ping(l.gateway, 20000, &ms, &e), &e);
		traffic[k] = (double)(clock_ms() - began) / 1000;
		print_message("# resume %d: online %.1f s, traffic %.1f s (suspend %.1f "
			      "s)\n",
		    k + 1, online, traffic[k], off[k]);
		/* What a DHCP client does when the link comes up. */
		lab_lan_works(i);
	}
	print_times("suspend until all is off", off, n);
	print_times("resume until traffic", traffic, n);
}
