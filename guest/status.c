#include "status.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "cleanup.h"
#include "fs.h"

int64_t status_meminfo(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (*text != '\0') {
		if (strncmp(text, key, n) == 0 && text[n] == ':') {
			long long v = strtoll(text + n + 1, NULL, 10);

			return v < 0 ? -1 : v;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return -1;
}

bool status_cpu(const char *text, struct cpu_sample *s)
{
	/* user nice system idle iowait irq softirq steal */
	uint64_t v[8] = {0}, total = 0;
	int n;

	if (strncmp(text, "cpu ", 4) != 0)
		return false;
	text += 4;
	for (n = 0; n < 8; n++) {
		char *end;

		while (*text == ' ')
			text++;
		if (!isdigit((unsigned char)*text))
			break;
		v[n] = strtoull(text, &end, 10);
		total += v[n];
		text = end;
	}
	if (n < 4)
		return false;
	s->total = total;
	s->busy = total - v[3] - v[4];
	return true;
}

int64_t status_boot_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void put_cpu(json_t *o, struct cpu_sample *last)
{
	AUTO_FREE char *text = NULL;
	struct cpu_sample now;

	if (fs_read_file("/proc/stat", 256 * 1024, &text, NULL, NULL) < 0 ||
	    !status_cpu(text, &now))
		return;
	if (now.total > last->total && now.busy >= last->busy)
		json_object_set_new(o, "cpu_pct",
		    json_integer((json_int_t)((now.busy - last->busy) * 100 /
					      (now.total - last->total))));
	*last = now;
}

json_t *status_guest(struct cpu_sample *last)
{
	AUTO_FREE char *mem = NULL;
	json_t *o = json_object();
	struct utsname u;

	if (o == NULL)
		return NULL;
	if (fs_read_file("/proc/meminfo", 65536, &mem, NULL, NULL) == 0) {
		json_object_set_new(
		    o, "mem_total_kib", json_integer(status_meminfo(mem, "MemTotal")));
		json_object_set_new(o, "mem_available_kib",
		    json_integer(status_meminfo(mem, "MemAvailable")));
	}
	put_cpu(o, last);
	json_object_set_new(o, "uptime_s", json_integer(status_boot_ms() / 1000));
	if (uname(&u) == 0)
		json_object_set_new(o, "kernel", json_string(u.release));
	return o;
}
