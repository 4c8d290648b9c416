/* What goes into an image, as data: packages, programs, files, modules. */
#ifndef BHYFI_IMAGE_PROFILE_H
#define BHYFI_IMAGE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct profile_program {
	const char *path; /* in the distribution and in the guest */
	const char *package;
};

struct profile_file {
	const char *path;
	const char *from[3]; /* the first that is there becomes it; ends with NULL */
	const char *package; /* NULL: with another one's */
	bool optional;
};

struct profile_module {
	const char *name;
	bool boot; /* loaded at start; others when the kernel or a device asks */
	bool optional;
};

/* Each table ends with an entry whose first member is NULL. */
struct profile {
	const char *name;
	const struct profile_program *programs;
	const struct profile_file *files;
	const struct profile_module *modules;
};

/* base: all images; ap: those that can be an access point; air: test images. */
extern const struct profile profile_base, profile_ap, profile_air;

/* What a driver of a card asks for at run time, which its modinfo does not say. */
struct profile_driver {
	const char *driver;
	const char *modules[4]; /* loaded by the driver with request_module */
	/* Whether it will ask for that module for that device; NULL: always. */
	bool (*wants)(unsigned device, const char *module);
};

extern const struct profile_driver profile_drivers[];

/*
 * PCI cards whose driver makes a bus of its own, on which the radio's driver then finds
 * its device: the alias says the core and its revision, which is known here for some.
 */
struct profile_bus {
	const char *folder; /* of the bus's driver */
	const char *alias;  /* of a radio on it, up to the revision */
};

struct profile_core {
	unsigned vendor, device; /* of the PCI card */
	unsigned revision;       /* of the radio's core */
};

/* Each ends with an entry of zeros. */
extern const struct profile_bus profile_buses[];
extern const struct profile_core profile_cores[];

/* Cards that came with a newer kernel, for advice: since when, and the driver. */
struct profile_since {
	unsigned vendor, device;
	const char *driver, *kernel;
};

extern const struct profile_since profile_since[];

/* In which packages of Debian firmware is, by the start of its name. */
struct profile_firmware {
	const char *prefix;
	const char *packages[3]; /* tried in this order */
};

extern const struct profile_firmware profile_firmware[];

/* The EFI stub of the unified kernel image. */
#define PROFILE_STUB_PACKAGE "systemd-boot-efi"
#define PROFILE_STUB_PATH "usr/lib/systemd/boot/efi/linuxx64.efi.stub"

#endif
