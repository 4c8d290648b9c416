/* What the readers of set-ups share: the list of items, and the files they find. */
#ifndef BHYFI_IMPORT_FOUND_H
#define BHYFI_IMPORT_FOUND_H

#include <stdio.h>

#include "assign.h"
#include "config.h"
#include "import.h"

/* Why a setting of several set-ups has no counterpart. */
#define WHY_DISKLESS "bhyfi boots its own image, which has no disk and no state"

struct finder {
	const struct import_options *o;
	struct import *im;
	struct err *e;
	FILE *conf; /* INSTANCE.conf as it grows */
	char *conf_text;
	size_t conf_len;
	char ifname[IFNAME_MAX]; /* the host's interface, as INSTANCE.conf has it */
	bool ifname_said;        /* it is to stand there: not the default */
	/* Of the reader that runs. */
	bool wlan_stanza;       /* wifibox: within the card's part of interfaces.conf */
	char guest_address[64]; /* wifibox: the guest's, in the network that will be gone
				 */
	const char *guest;      /* vm-bhyve: its name */
	const char *guest_switch; /* vm-bhyve; "": none */
	size_t guests;            /* vm-bhyve: how many there are */
};

/* An item. setting may be NULL (the file as a whole). */
void found(struct finder *f, enum import_result result, const char *file, unsigned line,
    const char *setting, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* "name=value" as an item's setting, cut at a bearable length. */
#define SETTING_SIZE 256
const char *setting_text(const struct assign *s, char buf[SETTING_SIZE]);

/* KEY = VALUE into our configuration, and the item that says so. */
void take(struct finder *f, const char *file, const struct assign *s, const char *key,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/*
 * Reads a file of the set-up's system (its path there). 1: read, *text is the
 * caller's; 0: there is none; -1 with f->e.
 */
int found_read(struct finder *f, const char *path, size_t max, char **text, size_t *len);
/* The same with its assignments; vm: as vm-bhyve reads. */
int found_assigns(struct finder *f, const char *path, bool vm, struct assigns *a);

/* The path in our own file system of one of the set-up's. */
int found_path(const struct finder *f, const char *path, char *buf, size_t size);

/* "3/0/0" (and vm-bhyve's "=2:0" behind it). -1: it is none. */
int found_device(const char *text, size_t len, struct card_id *card);

/*
 * Takes the one card of a set-up's devices (list of n), f->o->card choosing among
 * several; the others become items.
 */
struct found_card {
	struct card_id id;
	struct assign setting; /* borrowed */
};
int found_card(
    struct finder *f, const char *file, const struct found_card *list, size_t n);

/* A size as bhyve(8) reads it after -m, in MiB; 0: it is none. */
unsigned long found_memory(const char *text);
/* memory and processors; what bhyfi would not take is an item with its reason. */
void found_take_memory(struct finder *f, const char *file, const struct assign *s);
void found_take_number(struct finder *f, const char *file, const struct assign *s,
    const char *key, unsigned min, unsigned max);

/* A wpa_supplicant.conf of the set-up, or the one that the user named. 1: there is one,
 * 0: none. */
int found_networks(struct finder *f, const char *path);

/* Begins our configuration and ends it: checked, and compared with what is there. */
int found_begin(struct finder *f, const struct import_options *o, struct import *im,
    const char *from, struct err *e);
int found_end(struct finder *f, int ret);

#endif
