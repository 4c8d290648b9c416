#include "meminfo.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "escape.h"
#include "fs.h"

#define MAX_PROCESSES 100 /* a packet holds no more */
#define PROC_FILE_MAX (64 * 1024)

/* The number behind "KEY:" at the start of a line; -1 without one. */
static long value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, len) == 0 && p[len] == ':')
			return strtol(p + len + 1, NULL, 10);
	}
	return -1;
}

static int comm_of(const char *pid, char *buf, size_t size)
{
	AUTO_FREE char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (fs_read_file(path, 4096, &text, NULL, NULL) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	escape_text(text, strlen(text), buf, size);
	return 0;
}

static json_t *process_entry(const char *pid)
{
	AUTO_FREE char *text = NULL;
	char path[64], name[ESCAPE_SIZE(16)];

	/* Empty for kernel threads; gone with the process. */
	snprintf(path, sizeof(path), "/proc/%.20s/smaps_rollup", pid);
	if (fs_read_file(path, PROC_FILE_MAX, &text, NULL, NULL) < 0 || *text == '\0' ||
	    comm_of(pid, name, sizeof(name)) < 0)
		return NULL;
	return json_pack("{s:i, s:s, s:I, s:I}", "pid", atoi(pid), "name", name,
	    "rss_kib", (json_int_t)value_of(text, "Rss"), "pss_kib",
	    (json_int_t)value_of(text, "Pss"));
}

json_t *meminfo(struct err *e)
{
	static const char *const keys[][2] = {{"total_kib", "MemTotal"},
	    {"free_kib", "MemFree"}, {"available_kib", "MemAvailable"},
	    {"slab_kib", "Slab"}, {"anon_kib", "AnonPages"}, {"cached_kib", "Cached"},
	    {"shmem_kib", "Shmem"}};
	AUTO_FREE char *text = NULL;
	json_t *o, *list, *entry;
	struct dirent *d;
	DIR *dir;

	if (fs_read_file("/proc/meminfo", PROC_FILE_MAX, &text, NULL, e) < 0)
		return NULL;
	dir = opendir("/proc");
	if (dir == NULL) {
		err_sys(e, errno, "/proc");
		return NULL;
	}
	o = json_object();
	list = json_array();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		json_object_set_new(
		    o, keys[i][0], json_integer(value_of(text, keys[i][1])));
	while ((d = readdir(dir)) != NULL && json_array_size(list) < MAX_PROCESSES) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		entry = process_entry(d->d_name);
		if (entry != NULL)
			json_array_append_new(list, entry);
	}
	closedir(dir);
	json_object_set_new(o, "processes", list);
	return o;
}

pid_t process_find(const char *comm)
{
	char name[ESCAPE_SIZE(16)];
	struct dirent *d;
	DIR *dir = opendir("/proc");
	pid_t pid = 0;

	while (dir != NULL && pid == 0 && (d = readdir(dir)) != NULL)
		if (isdigit((unsigned char)d->d_name[0]) &&
		    comm_of(d->d_name, name, sizeof(name)) == 0 &&
		    strcmp(name, comm) == 0)
			pid = atoi(d->d_name);
	if (dir != NULL)
		closedir(dir);
	return pid;
}
