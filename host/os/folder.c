#include "folder.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>

#include "os.h"

bool folder_each(const char *path, bool (*each)(const char *name, void *arg), void *arg)
{
	char full[PATH_MAX];
	struct dirent *d;
	bool more = true;
	DIR *dir;

	if (os_path(full, sizeof(full), path, NULL) < 0)
		return false;
	dir = opendir(full);
	if (dir == NULL)
		return false;
	while (more && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			more = each(d->d_name, arg);
	closedir(dir);
	return true;
}

static bool note(const char *name, void *arg)
{
	(void)name;
	*(bool *)arg = true;
	return false;
}

bool folder_filled(const char *path)
{
	bool filled = false;

	folder_each(path, note, &filled);
	return filled;
}
