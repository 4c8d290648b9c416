/* Folders of the system below os_root(). */
#ifndef BHYFI_OS_FOLDER_H
#define BHYFI_OS_FOLDER_H

#include <stdbool.h>

/* Calls each(name, arg) for the entries of a folder, but "." and "..", until it returns
 * false. False where there is no such folder. */
bool folder_each(const char *path, bool (*each)(const char *name, void *arg), void *arg);

/* Whether there is a folder with something in it. */
bool folder_filled(const char *path);

#endif
