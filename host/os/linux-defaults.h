/* What a configuration says on Linux where the file is silent. */
#ifndef BHYFI_OS_LINUX_DEFAULTS_H
#define BHYFI_OS_LINUX_DEFAULTS_H

#define DEFAULT_VMM "qemu"
#define DEFAULT_QEMU "/usr/bin/qemu-system-x86_64"
#define DEFAULT_INTERFACE "bhyfi0"

#endif
