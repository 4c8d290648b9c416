/* Entries of the journal on the disk. */
#ifndef BHYFI_SETUP_JOURNAL_FILE_H
#define BHYFI_SETUP_JOURNAL_FILE_H

#include "journal.h"

/* Reads DIR/x->number/; rubbish where its journal.json is missing. */
int journal_entry_read(const char *dir, struct journal_entry *x, struct err *e);
/* Writes it all; journal.json comes last. */
int journal_entry_write(const char *dir, const struct journal_entry *x, struct err *e);
/* Writes x->state. */
int journal_entry_mark(const char *dir, const struct journal_entry *x, struct err *e);
/* journal.json goes first. */
int journal_entry_remove(const char *dir, unsigned number, struct err *e);
void journal_entry_free(struct journal_entry *x);

#endif
