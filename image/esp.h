/* The EFI system partition: a disk image that UEFI firmware starts by itself. */
#ifndef BHYFI_IMAGE_ESP_H
#define BHYFI_IMAGE_ESP_H

#include <stddef.h>

#include "err.h"

#define ESP_FILE_MAX (1u << 30)

/*
 * Writes a GPT disk with one ESP partition, FAT16, which holds the program as
 * \EFI\BOOT\BOOTX64.EFI. GUIDs and serial number come from the content, times are the
 * earliest that FAT knows: the same program gives the same bytes.
 */
int esp_write(const char *path, const void *efi, size_t len, struct err *e);

#endif
