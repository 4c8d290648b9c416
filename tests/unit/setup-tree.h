/* Trees of files that the tests of setup work on. */
#ifndef BHYFI_TEST_SETUP_TREE_H
#define BHYFI_TEST_SETUP_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define DB "/var/db/bhyfi"
#define ETC "/usr/local/etc/bhyfi"
#define KILLED 77
#define HEAD "# bhyfi: `bhyfi setup --undo` takes this out again\n"

extern char root[PATH_MAX];
extern const char rc_before[], loader_before[];

/* Of cmocka: an odd rc.conf and loader.conf in a new root, chosen with os_select. */
int new_tree(void **state);
int drop_tree(void **state);

void full_path(char out[PATH_MAX], const char *path);
void put_mode(const char *path, const char *text, mode_t mode);
void put(const char *path, const char *text);
/* The caller's; NULL: not there. */
char *get(const char *path);
bool there(const char *path);
mode_t mode_of(const char *path);
/* All that is in the root, as text: names, modes, content. Not the journal. */
char *look(void);

#endif
