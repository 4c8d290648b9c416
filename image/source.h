/*
 * Where files come from: one ops struct per source, in a named table.
 *
 * A source offers an index of files that grows as packages are asked for. All
 * packages that it has brought are in `packages`; which of them ended up in the
 * image is for the builder to know.
 */
#ifndef BHYFI_IMAGE_SOURCE_H
#define BHYFI_IMAGE_SOURCE_H

#include <stdint.h>

#include "fileset.h"
#include "image.h"
#include "strv.h"

struct package {
	char *name, *version, *sha256; /* sha256 of the archive; all NULL for a root */
	char *depends;                 /* Depends and Pre-Depends, or NULL */
	char *license;                 /* as the distribution says it, or NULL */
	bool deps_fetched;
};

/* How far the build is; step() passes it on. */
struct steps {
	image_progress_fn *fn;
	void *arg;
};

/* Tells the caller; -1 with e filled where it wants no more. */
int step_report(const struct steps *s, enum image_stage stage, const char *what,
    size_t done, size_t total, struct err *e);

struct source {
	const struct source_ops *ops;
	const struct image_options *opts;
	const struct steps *steps;
	struct fileset files;
	struct package *packages;
	size_t package_count;
	char *kernel; /* version, once ops->kernel was called */
	void *priv;
};

struct source_ops {
	const char *name;
	const char *summary;
	int (*open)(struct source *s, struct err *e);
	void (*close)(struct source *s);
	/* Makes these packages' files part of the index. A root has all of them
	 * already, whatever their package. */
	int (*need)(struct source *s, const struct strv *names, struct err *e);
	/* Likewise what a package depends on, `libs_only` those whose name starts with
	 * "lib". 1: something is new, 0: nothing. */
	int (*need_deps)(struct source *s, size_t package, bool libs_only, struct err *e);
	/* Likewise those in which firmware of this name may be ("rtw89/x.bin"); that
	 * there is none is no error. NULL: the packages of profile_firmware. */
	int (*need_firmware)(struct source *s, const char *name, struct err *e);
	/* Brings a kernel and its modules, and sets s->kernel to its version. */
	int (*kernel)(struct source *s, struct err *e);
	/*
	 * For `image outdated`: the newest version of a package that the source offers,
	 * the caller's to free (NULL, and 0, where there is no such package any more),
	 * and whether that comes from the archive of security updates. NULL: the source
	 * can not say.
	 */
	int (*newest)(struct source *s, const char *package, char **version,
	    bool *security, struct err *e);
	/* Like strcmp, by the distribution's order of versions. NULL with newest NULL. */
	int (*compare)(const char *a, const char *b);
	/* When the lists that newest() reads were last brought up to date, in seconds
	 * since 1970; 0: never. May be NULL. */
	int64_t (*listed)(struct source *s);
};

extern const struct source_ops source_debian, source_alpine, source_dir;

/* By name (NULL: the first). An unknown name is a usage error. */
int source_open(struct source *s, const struct image_options *opts,
    const struct steps *steps, struct err *e);
void source_close(struct source *s);

/* Appends an empty package; NULL without memory. */
struct package *source_add_package(struct source *s, struct err *e);

/*
 * The kernel of a version: "boot/vmlinuz-VERSION" or another file in boot/ or beside the
 * modules whose header says that version. NULL: none.
 */
const struct file *source_vmlinuz(struct source *s, const char *version);

/* Sets s->kernel to the newest version that has modules and a kernel. `where` stands in
 * the error that there is none. */
int source_newest_kernel(struct source *s, const char *where, struct err *e);

#endif
