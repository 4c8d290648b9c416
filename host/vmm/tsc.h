#ifndef BHYFI_VMM_TSC_H
#define BHYFI_VMM_TSC_H

/* Frequency of this processor's time stamp counter in kHz, measured in 10 ms; 0
 * where it has none. */
unsigned tsc_khz(void);

#endif
