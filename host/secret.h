/* Passphrases pass through JSON on their way to the guest. */
#ifndef BHYFI_SECRET_H
#define BHYFI_SECRET_H

/* From now on jansson wipes all memory that it frees. Before its first use. */
void secret_wipe_json(void);

#endif
