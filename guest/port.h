/* Where the agent channel is: a virtio-console port, or a UART. */
#ifndef BHYFI_GUEST_PORT_H
#define BHYFI_GUEST_PORT_H

#include <stdbool.h>

#include "err.h"

/*
 * Opens the port named AGENT_PORT_NAME, or the UART that the kernel's command
 * line names (bhyfi.channel=ttyS1). Returns its descriptor, -1 on error, -2
 * where the port is not there (yet). *uart tells which it is.
 */
int port_open(bool *uart, struct err *e);

#endif
