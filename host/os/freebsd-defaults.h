/* What a configuration says on FreeBSD where the file is silent. */
#ifndef BHYFI_OS_FREEBSD_DEFAULTS_H
#define BHYFI_OS_FREEBSD_DEFAULTS_H

#define DEFAULT_VMM "bhyve"
#define DEFAULT_QEMU "/usr/local/bin/qemu-system-x86_64"
#define DEFAULT_INTERFACE "tap0"

#endif
