#include "radio-why.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "msg.h"

#define IMAGE_JSON "/etc/bhyfi/image.json"
#define IMAGE_JSON_MAX 65536

#define PCI_DIR "/sys/bus/pci/devices"
#define CLASS_WIRELESS "0x0280" /* network controller, other */

const char *radio_why_firmware(char *record)
{
	char *text = strchr(record, ';');

	if (text == NULL)
		return NULL;
	text++;
	text[strcspn(text, "\n")] = '\0';
	if (strcasestr(text, "firmware") == NULL)
		return NULL;
	/* "Direct firmware load for X failed with error -2", "no suitable firmware
	 * found", "Failed to load firmware" */
	if (strcasestr(text, "fail") == NULL && strcasestr(text, "no suitable") == NULL &&
	    strcasestr(text, "not found") == NULL)
		return NULL;
	/* Never a rule database: that is no card's. */
	return strstr(text, "regulatory") == NULL ? text : NULL;
}

static bool kernel_said(char *dst, size_t size)
{
	int AUTO_CLOSE fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[2048];
	bool found = false;
	ssize_t n;

	/* One record for each read; EPIPE is one that was overwritten meanwhile. */
	while (fd >= 0 && (n = read(fd, record, sizeof(record) - 1)) > 0) {
		const char *text;

		record[n] = '\0';
		text = radio_why_firmware(record);
		if (text == NULL)
			continue;
		snprintf(dst, size, "%s", text);
		found = true;
	}
	return found;
}

static void read_attr(const char *dev, const char *attr, char *dst, size_t size)
{
	char path[400];
	ssize_t n = 0;

	snprintf(path, sizeof(path), PCI_DIR "/%s/%s", dev, attr);
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, dst, size - 1);
	dst[n > 0 ? n : 0] = '\0';
	dst[strcspn(dst, "\n")] = '\0';
}

/* The word; NULL: it is no wireless card. */
static const char *look_at(const char *dev, char *dst, size_t size)
{
	char class[16], vendor[16], device[16], path[400], driver[256], said[256];
	const char *name;
	ssize_t n;

	read_attr(dev, "class", class, sizeof(class));
	if (strncmp(class, CLASS_WIRELESS, strlen(CLASS_WIRELESS)) != 0)
		return NULL;
	read_attr(dev, "vendor", vendor, sizeof(vendor));
	read_attr(dev, "device", device, sizeof(device));
	snprintf(path, sizeof(path), PCI_DIR "/%s/driver", dev);
	n = readlink(path, driver, sizeof(driver) - 1);
	if (n < 0) {
		said[0] = '\0';
		kernel_said(said, sizeof(said));
		snprintf(dst, size, "no driver took the card %s (%s:%s)%s%s", dev, vendor,
		    device, said[0] != '\0' ? ": " : "", said);
		return said[0] != '\0' ? "no-firmware" : "no-driver";
	}
	driver[n] = '\0';
	name = strrchr(driver, '/') != NULL ? strrchr(driver, '/') + 1 : driver;
	if (kernel_said(said, sizeof(said))) {
		snprintf(dst, size, "%s has the card %s but no firmware for it: %s", name,
		    dev, said);
		return "no-firmware";
	}
	snprintf(dst, size, "%s has the card %s but made no interface of it", name, dev);
	return "no-interface";
}

/* For which card the image is, as the builder wrote it; "" where that is no real one. */
static void image_card(char *dst, size_t size)
{
	char AUTO_FREE *text = NULL;
	json_t *o = NULL;

	dst[0] = '\0';
	if (fs_read_file(IMAGE_JSON, IMAGE_JSON_MAX, &text, NULL, NULL) == 0)
		o = json_loads(text, 0, NULL);
	if (strchr(msg_str(o, "card", ""), ':') != NULL)
		snprintf(
		    dst, size, " (the image is for card %s)", msg_str(o, "card", ""));
	json_decref(o);
}

const char *radio_why_not(char *dst, size_t size)
{
	DIR *dir = opendir(PCI_DIR);
	const char *word = NULL;
	char card[64];
	struct dirent *de;

	while (dir != NULL && word == NULL && (de = readdir(dir)) != NULL)
		if (de->d_name[0] != '.' && strlen(de->d_name) < 64)
			word = look_at(de->d_name, dst, size);
	if (dir != NULL)
		closedir(dir);
	if (word != NULL)
		return word;
	image_card(card, sizeof(card));
	snprintf(dst, size, "no wireless card in this guest%s", card);
	return "no-card";
}
