/* The two parsers behind confdoc.h. */
#ifndef BHYFI_SETUP_CONFPARSE_H
#define BHYFI_SETUP_CONFPARSE_H

#include "confdoc.h"

/* Fill d's events and tail from its text; -1 without memory. */
int conf_parse_sh(struct confdoc *d, struct err *e);
int conf_parse_loader(struct confdoc *d, struct err *e);

/* Takes ev's strings, even when it fails. */
int conf_event_add(struct confdoc *d, struct conf_event ev, struct err *e);

#endif
