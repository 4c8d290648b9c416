/* For the makers of plans: one for each system. */
#ifndef BHYFI_SETUP_PLAN_H
#define BHYFI_SETUP_PLAN_H

#include "setup.h"

struct plan_input {
	const struct setup_request *request;
	const struct os_ops *os;
	struct card_id card;
	const struct card *found; /* the card as the system knows it; NULL: simulated, or
				   * not there */
	const struct card_list *cards;
	char config[PATH_MAX]; /* ETC/INSTANCE.conf, without the root */
	bool native;           /* the system that we run on */
	bool config_exists;
	bool write_interface; /* p->interface is not the default: it has to stand there */
};

/* Sentences. */
int plan_note(struct setup_plan *p, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int plan_reboot(struct setup_plan *p, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A command; up to four arguments behind the program, NULL: none. */
int plan_command(struct setup_plan *p, const char *why, const char *program,
    const char *a, const char *b, const char *c, struct err *e);

/* A file that is to have this text; one that has it already is no change, one with
 * another text an error unless replace. */
int plan_file(struct setup_plan *p, const char *path, mode_t mode, const char *text,
    bool replace, bool keep, struct err *e);
int plan_link(struct setup_plan *p, const char *path, const char *target, struct err *e);

/* Whether something is at a path of the system. */
bool plan_exists(const char *path);

int plan_freebsd(struct setup_plan *p, const struct plan_input *in, struct err *e);
int plan_linux(struct setup_plan *p, const struct plan_input *in, struct err *e);
/* What has to be told of an undo. */
int plan_linux_undo(struct setup_plan *p, struct err *e);
/* ETC/INSTANCE.conf and an empty wpa_supplicant.conf; fills p->interface. */
int plan_config(struct setup_plan *p, const struct plan_input *in, struct err *e);

#endif
