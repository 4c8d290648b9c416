/*
 * bhyve_config(5): what one start of bhyve is told. The file's syntax is a variable a
 * line, KEY=VALUE, and knows no quoting: '%' begins a reference in a value, so a value
 * that can not be written as it is meant is refused here.
 */
#ifndef BHYFI_VMM_BHYVE_CONF_H
#define BHYFI_VMM_BHYVE_CONF_H

#include <stddef.h>

#include "err.h"
#include "vmm.h"

#define BHYVE_VARS_MAX 48
#define BHYVE_DUMP_MAX (64 * 1024)

struct bhyve_var {
	char *key, *value; /* owned */
};

struct bhyve_conf {
	struct bhyve_var v[BHYVE_VARS_MAX];
	size_t n;
};

/* Files of RUN/INSTANCE that a start makes. */
#define BHYVE_FILE_CONF "bhyve.conf"
#define BHYVE_FILE_VARS "bootvars.fd"
#define BHYVE_FILE_ESP "esp.img"

#define BHYVE_PATH_SIZE 128
/* The VM's name, "bhyfi-INSTANCE": that of /dev/vmm/NAME, too. */
void bhyve_name(const struct config *c, char out[BHYVE_PATH_SIZE]);
/* The VM's end ('A') or the host's ('B') of a null modem: /dev/nmdm-bhyfi-INSTANCE.1A is
 * com1, the console, and 2A com2, the agent channel. */
void bhyve_nmdm(
    const struct config *c, enum vmm_sock sock, char end, char out[BHYVE_PATH_SIZE]);
/* The firmware's variables beside its code; false where its name holds no CODE: it has
 * them in itself. */
bool bhyve_vars(const struct config *c, char out[PATH_MAX]);
/* tapN or vmnetN: bhyve takes the kind of back end from the name. */
bool bhyve_is_tap(const char *name);

/*
 * Fills an empty configuration from the checked one. ERR_PRECONDITION for what bhyve
 * can not do (an interface that is no tap, a card in another PCI domain), ERR_FAILED for
 * a value that can not be written. The caller's to free, also after an error.
 */
int bhyve_conf_make(struct bhyve_conf *b, const struct vm_spec *s, struct err *e);
void bhyve_conf_free(struct bhyve_conf *b);
int bhyve_conf_set(struct bhyve_conf *b, struct err *e, const char *key, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

/* The file; fresh, NULL without memory. */
char *bhyve_conf_text(const struct bhyve_conf *b);

/*
 * Compares with what bhyve prints for config.dump: each of our variables must be there
 * once with our value (it knows more: its defaults). The error names the first that
 * is not.
 */
int bhyve_conf_check(const struct bhyve_conf *b, const char *dump, struct err *e);

#endif
