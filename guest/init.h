/* PID 1. */
#ifndef BHYFI_GUEST_INIT_H
#define BHYFI_GUEST_INIT_H

/* Never returns: ends in power-off. */
_Noreturn void init_main(void);

#endif
