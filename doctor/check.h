/* What the families of checks share. */
#ifndef BHYFI_DOCTOR_CHECK_H
#define BHYFI_DOCTOR_CHECK_H

#include <limits.h>
#include <stdint.h>

#include "config.h"
#include "confset.h"
#include "doctor.h"
#include "flr.h"
#include "os/folder.h"
#include "os/freebsd.h"
#include "os/os.h"
#include "words.h"

#define SYSTEM_LINUX 1u
#define SYSTEM_FREEBSD 2u

struct doctor {
	const struct doctor_options *o;
	const struct os_ops *os;
	unsigned system;    /* SYSTEM_* */
	bool root;          /* we are */
	char etc[PATH_MAX]; /* the folder of the configurations, as it is here */

	struct config config;    /* defaults where none was read */
	bool configured;         /* ETC/INSTANCE.conf was read */
	struct err config_error; /* why not */

	struct card_list cards;
	struct err cards_error; /* ERR_NONE: cards is filled */
	/* The configured one, without a configuration the first that can be passed
	 * through; NULL: none, or a simulated one. */
	const struct card *card;
	bool simulated;

	struct flr_list flr;
	struct err flr_error;

	struct confset *rc, *loader; /* of FreeBSD; NULL: not to be read */

	struct check_result *r; /* of the check that runs */
};

struct check {
	const char *id, *title;
	unsigned systems;
	void (*run)(struct doctor *d);
};

/* The rows of a family; end with id NULL. */
extern const struct check cpu_checks[], iommu_checks[], card_checks[], image_checks[],
    host_checks[], boot_checks[], conflict_checks[];

/* Each sets the result of the check that runs; the last one counts. */
void pass(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void warn(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fail(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skip(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What mends it. */
void fix(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* skip, "only root ..." with the command as fix. */
void skip_root(struct doctor *d, const char *what);
/* Where the checks of a real card have nothing to look at: skips and is true. */
bool skip_card(struct doctor *d);

/* facts.c: what the host says, under os_root(). */

#define FACT_FILE_MAX (1024 * 1024)

/* A whole file, the caller's; NULL with errno where it can not be read. */
char *fact_file(const char *path);
bool fact_exists(const char *path);
/* The first line of text that begins with prefix, cut at its end into out. */
bool fact_line(const char *text, const char *prefix, char *out, size_t size);
/* The settings of a configuration file of ours; c has its defaults. */
int fact_config(struct config *c, const char *path, struct err *e);
/* "MemAvailable:  123 kB" of /proc/meminfo. */
bool fact_meminfo(const char *key, uint64_t *kib);

/* FreeBSD: a sysctl that is a number; false where there is no such name. */
bool fact_sysctl_number(const char *name, uint64_t *value);
/* The value that rc(8) gives a variable, read from its files: 1 set, 0 not set, -1 set
 * in a way that only a shell could tell. */
int fact_rc(struct doctor *d, const char *name, char *out, size_t size);
/* Whether rc(8) takes it for yes; -1 as above. */
int fact_rc_yes(struct doctor *d, const char *name);
/* The value that the loader gives a variable at the next boot. */
bool fact_loader(struct doctor *d, const char *name, char *out, size_t size);
/* A setting of a file of assignments (wifibox's, rc.conf's kind); as fact_rc. -1 also
 * where the file can not be read. */
int fact_setting(const char *path, const char *name, char *out, size_t size);

#endif
