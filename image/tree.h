/* The content of an initrd, in memory, and its archive. */
#ifndef BHYFI_IMAGE_TREE_H
#define BHYFI_IMAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "fileset.h"

enum node_type { NODE_DIR, NODE_FILE, NODE_LINK, NODE_CONSOLE };

struct node {
	char *path; /* without a leading slash */
	enum node_type type;
	unsigned mode;
	char *data; /* content, or the link's target */
	size_t len;
	size_t package;
	char *why; /* it is there, for `image info`; NULL: not said */
};

struct tree {
	struct node *v;
	size_t n, cap;
	const char *why; /* of what is added next; the caller's, NULL: not said */
};

/*
 * Each of these adds missing folders above the path. A path that is there already is
 * left as it is, whatever it holds: the first to add it wins.
 */
int tree_dir(struct tree *t, const char *path, unsigned mode, struct err *e);
int tree_link(
    struct tree *t, const char *path, const char *target, size_t package, struct err *e);
/* Takes data (malloc'ed), also upon failure. */
int tree_file(struct tree *t, const char *path, char *data, size_t len, unsigned mode,
    size_t package, struct err *e);
int tree_text(struct tree *t, const char *path, const char *text, struct err *e);
/* /dev/console: the kernel opens it for init's standard input and output. */
int tree_console(struct tree *t, struct err *e);

const struct node *tree_get(const struct tree *t, const char *path);
void tree_sort(struct tree *t);
void tree_free(struct tree *t);

/*
 * Writes the tree, which has to be sorted, as a newc cpio archive, compressed by
 * zstd with that level (0: not compressed). Everything belongs to root, has the time
 * given and an inode number by its place: the same tree gives the same bytes, and
 * `hex` (or NULL) gets their hash. Compressed they depend on zstd's version, too.
 */
int tree_write_cpio(const struct tree *t, const char *path, int level, int64_t mtime,
    char *hex, struct err *e);
/* What compresses, with its version: "zstd 1.5.4". */
const char *tree_compressor(void);

#endif
