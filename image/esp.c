/*
 * Layout, in sectors of 512 bytes:
 *
 *     0        protective MBR
 *     1        GPT header, 2-33 its entries
 *     2048     the partition: boot sector and reserved, two FATs, root folder, clusters
 *     ...      GPT entries and header again, at the end
 *
 * FAT16 has between 4085 and 65524 clusters by definition; the cluster's size
 * follows from that. The folders take clusters 2 (EFI) and 3 (EFI/BOOT), the program
 * all from 4 on, in a row.
 */
#include "esp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "frame.h"
#include "hash.h"

#define SECTOR 512u
#define PART_START 2048u
#define GPT_ENTRIES 128u
#define GPT_ENTRY 128u
#define GPT_SECTORS 32u /* of the entries */
#define RESERVED 8u
#define ROOT_ENTRIES 512u
#define ROOT_SECTORS (ROOT_ENTRIES * 32 / SECTOR)
#define CLUSTERS_MIN 4200u
#define CLUSTERS_MAX 65500u
#define SLACK 16u
#define FIRST_FILE_CLUSTER 4u
#define FAT_END 0xffffu
#define FAT_DATE 0x0021 /* 1980-01-01 */

struct layout {
	unsigned cluster_sectors, clusters, fat_sectors, file_clusters;
	unsigned part_sectors, disk_sectors;
	unsigned char seed[32];
};

struct out {
	int fd;
	const char *path;
};

static int put(
    const struct out *o, unsigned sector, const void *data, size_t len, struct err *e)
{
	const char *p = data;
	off_t at = (off_t)sector * SECTOR;

	while (len > 0) {
		ssize_t n = pwrite(o->fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "%s", o->path);
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int plan(struct layout *l, const void *efi, size_t len, struct err *e)
{
	char hex[HASH_HEX];

	if (len > ESP_FILE_MAX)
		return err_set(e, ERR_FAILED, "too large for an ESP: %zu bytes", len);
	for (l->cluster_sectors = 8;; l->cluster_sectors *= 2) {
		size_t bytes = (size_t)l->cluster_sectors * SECTOR;

		l->file_clusters = (unsigned)((len + bytes - 1) / bytes);
		l->clusters = l->file_clusters + FIRST_FILE_CLUSTER - 2 + SLACK;
		if (l->clusters <= CLUSTERS_MAX)
			break;
	}
	if (l->clusters < CLUSTERS_MIN)
		l->clusters = CLUSTERS_MIN;
	l->fat_sectors = ((l->clusters + 2) * 2 + SECTOR - 1) / SECTOR;
	l->part_sectors = RESERVED + 2 * l->fat_sectors + ROOT_SECTORS +
			  l->clusters * l->cluster_sectors;
	/* Whole MiB, as partitioning tools like it. */
	l->disk_sectors = PART_START + l->part_sectors + GPT_SECTORS + 1;
	l->disk_sectors = (l->disk_sectors + 2047) / 2048 * 2048;
	if (hash_data(efi, len, hex, e) < 0)
		return -1;
	memcpy(l->seed, hex, sizeof(l->seed));
	return 0;
}

static int put_mbr(const struct out *o, const struct layout *l, struct err *e)
{
	uint8_t s[SECTOR] = {0};

	s[446 + 1] = 0;
	s[446 + 2] = 2;
	s[446 + 4] = 0xee;
	memset(s + 446 + 5, 0xff, 3);
	put_le32(s + 446 + 8, 1);
	put_le32(s + 446 + 12, l->disk_sectors - 1);
	put_le16(s + 510, 0xaa55);
	return put(o, 0, s, sizeof(s), e);
}

/* A random-looking GUID (RFC 4122, version 4) from the content. */
static void put_guid(uint8_t *p, const unsigned char *seed)
{
	for (int i = 0; i < 16; i++)
		p[i] = (uint8_t)(seed[i] * 31u + seed[(i + 5) % 16] * 7u);
	p[7] = (uint8_t)((p[7] & 0x0f) | 0x40);
	p[8] = (uint8_t)((p[8] & 0x3f) | 0x80);
}

static void fill_gpt_header(uint8_t *h, const struct layout *l, const uint8_t *entries,
    unsigned at, unsigned other, unsigned entries_at)
{
	memcpy(h, "EFI PART", 8);
	put_le32(h + 8, 0x00010000);
	put_le32(h + 12, 92);
	put_le64(h + 24, at);
	put_le64(h + 32, other);
	put_le64(h + 40, 2 + GPT_SECTORS);
	put_le64(h + 48, l->disk_sectors - GPT_SECTORS - 2);
	put_guid(h + 56, l->seed);
	put_le64(h + 72, entries_at);
	put_le32(h + 80, GPT_ENTRIES);
	put_le32(h + 84, GPT_ENTRY);
	put_le32(h + 88, frame_crc32(0, entries, (size_t)GPT_ENTRIES * GPT_ENTRY));
	put_le32(h + 16, frame_crc32(0, h, 92));
}

static int put_gpt(const struct out *o, const struct layout *l, struct err *e)
{
	static const uint8_t esp_type[16] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2,
	    0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
	static const char name[] = "bhyfi";
	uint8_t entries[GPT_ENTRIES * GPT_ENTRY] = {0}, first[SECTOR] = {0},
				      last[SECTOR] = {0};
	unsigned end = l->disk_sectors - 1;

	memcpy(entries, esp_type, sizeof(esp_type));
	put_guid(entries + 16, l->seed + 16);
	put_le64(entries + 32, PART_START);
	put_le64(entries + 40, PART_START + l->part_sectors - 1);
	for (size_t i = 0; i < sizeof(name); i++)
		put_le16(entries + 56 + 2 * i, (uint16_t)name[i]);
	fill_gpt_header(first, l, entries, 1, end, 2);
	fill_gpt_header(last, l, entries, end, 1, end - GPT_SECTORS);
	if (put(o, 1, first, sizeof(first), e) < 0 ||
	    put(o, 2, entries, sizeof(entries), e) < 0 ||
	    put(o, end - GPT_SECTORS, entries, sizeof(entries), e) < 0)
		return -1;
	return put(o, end, last, sizeof(last), e);
}

static int put_boot_sector(const struct out *o, const struct layout *l, struct err *e)
{
	uint8_t s[SECTOR] = {0xeb, 0x3c, 0x90};

	memcpy(s + 3, "BHYFI   ", 8);
	put_le16(s + 11, SECTOR);
	s[13] = (uint8_t)l->cluster_sectors;
	put_le16(s + 14, RESERVED);
	s[16] = 2;
	put_le16(s + 17, ROOT_ENTRIES);
	if (l->part_sectors < 0x10000)
		put_le16(s + 19, (uint16_t)l->part_sectors);
	else
		put_le32(s + 32, l->part_sectors);
	s[21] = 0xf8;
	put_le16(s + 22, (uint16_t)l->fat_sectors);
	put_le16(s + 24, 32);
	put_le16(s + 26, 64);
	put_le32(s + 28, PART_START);
	s[36] = 0x80;
	s[38] = 0x29;
	memcpy(s + 39, l->seed, 4);
	memcpy(s + 43, "BHYFI      FAT16   ", 19);
	put_le16(s + 510, 0xaa55);
	return put(o, PART_START, s, sizeof(s), e);
}

static int put_fats(const struct out *o, const struct layout *l, struct err *e)
{
	size_t bytes = (size_t)l->fat_sectors * SECTOR;
	uint8_t AUTO_FREE *fat = calloc(1, bytes);
	unsigned end = FIRST_FILE_CLUSTER + l->file_clusters;

	if (fat == NULL)
		return err_sys(e, ENOMEM, "%s", o->path);
	put_le16(fat, 0xfff8);
	put_le16(fat + 2, FAT_END);
	put_le16(fat + 4, FAT_END);
	put_le16(fat + 6, FAT_END);
	for (unsigned c = FIRST_FILE_CLUSTER; c < end; c++)
		put_le16(fat + 2 * c, (uint16_t)(c + 1 < end ? c + 1 : FAT_END));
	if (put(o, PART_START + RESERVED, fat, bytes, e) < 0)
		return -1;
	return put(o, PART_START + RESERVED + l->fat_sectors, fat, bytes, e);
}

static void dir_entry(
    uint8_t *p, const char *name, uint8_t attr, unsigned cluster, size_t size)
{
	memcpy(p, name, 11);
	p[11] = attr;
	put_le16(p + 16, FAT_DATE);
	put_le16(p + 18, FAT_DATE);
	put_le16(p + 24, FAT_DATE);
	put_le16(p + 26, (uint16_t)cluster);
	put_le32(p + 28, (uint32_t)size);
}

static int put_folders(
    const struct out *o, const struct layout *l, size_t len, struct err *e)
{
	unsigned root = PART_START + RESERVED + 2 * l->fat_sectors;
	unsigned data = root + ROOT_SECTORS;
	uint8_t top[SECTOR] = {0}, efi[SECTOR] = {0}, boot[SECTOR] = {0};

	dir_entry(top, "BHYFI      ", 0x08, 0, 0);
	dir_entry(top + 32, "EFI        ", 0x10, 2, 0);
	dir_entry(efi, ".          ", 0x10, 2, 0);
	dir_entry(efi + 32, "..         ", 0x10, 0, 0);
	dir_entry(efi + 64, "BOOT       ", 0x10, 3, 0);
	dir_entry(boot, ".          ", 0x10, 3, 0);
	dir_entry(boot + 32, "..         ", 0x10, 2, 0);
	dir_entry(boot + 64, "BOOTX64 EFI", 0x20, len > 0 ? FIRST_FILE_CLUSTER : 0, len);
	if (put(o, root, top, sizeof(top), e) < 0 ||
	    put(o, data, efi, sizeof(efi), e) < 0)
		return -1;
	return put(o, data + l->cluster_sectors, boot, sizeof(boot), e);
}

int esp_write(const char *path, const void *efi, size_t len, struct err *e)
{
	struct layout l;
	struct out o = {.path = path};
	int AUTO_CLOSE fd = -1;
	unsigned data;

	if (plan(&l, efi, len, e) < 0)
		return -1;
	o.fd = fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (ftruncate(fd, (off_t)l.disk_sectors * SECTOR) < 0)
		return err_sys(e, errno, "%s", path);
	data = PART_START + RESERVED + 2 * l.fat_sectors + ROOT_SECTORS;
	if (put_mbr(&o, &l, e) < 0 || put_gpt(&o, &l, e) < 0 ||
	    put_boot_sector(&o, &l, e) < 0 || put_fats(&o, &l, e) < 0 ||
	    put_folders(&o, &l, len, e) < 0)
		return -1;
	return put(&o, data + (FIRST_FILE_CLUSTER - 2) * l.cluster_sectors, efi, len, e);
}
