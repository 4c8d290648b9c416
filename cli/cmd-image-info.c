/* `bhyfi image info`: what an image is, and what is in it and why. */
#include <stdio.h>
#include <string.h>

#include "cmd-image.h"
#include "out.h"

#define FIRMWARE_ROWS 12

static void add_firmware(struct table *t, const json_t *firmware)
{
	char more[64];
	const json_t *f;
	size_t i;

	json_array_foreach (firmware, i, f)
		if (i < FIRMWARE_ROWS)
			table_row(t, (const char *const[]){i == 0 ? "firmware" : "",
					 image_text(f, "path"), image_text(f, "why")});
	snprintf(more, sizeof(more), "and %zu more: --files",
	    json_array_size(firmware) - FIRMWARE_ROWS);
	if (json_array_size(firmware) > FIRMWARE_ROWS)
		table_row(t, (const char *const[]){"", more, ""});
}

static int print_info(const json_t *info, struct err *e)
{
	static const char *const keys[] = {
	    "dir", "id", "kernel", "kernel_kind", "source", "card", "built_by"};
	const json_t *artefact, *package;
	struct table *t = table_new(3);
	char boot[64];
	const char *name;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		table_row(
		    t, (const char *const[]){keys[i], image_text(info, keys[i]), ""});
	table_row(t, (const char *const[]){"current",
			 json_is_true(json_object_get(info, "current")) ? "yes"
			 : json_is_true(json_object_get(info, "candidate"))
			     ? "no, the next start tries it"
			     : "no",
			 ""});
	json_object_foreach (json_object_get(info, "artefacts"), name, artefact) {
		char size[32];

		snprintf(size, sizeof(size), "%lld bytes",
		    (long long)json_integer_value(json_object_get(artefact, "size")));
		table_row(
		    t, (const char *const[]){name, size, image_text(artefact, "sha256")});
	}
	snprintf(boot, sizeof(boot), "%.1f MiB (vmlinuz and initrd)",
	    (double)json_integer_value(json_object_get(info, "boot_bytes")) / (1 << 20));
	table_row(t, (const char *const[]){"boot", boot, ""});
	add_firmware(t, json_object_get(info, "firmware"));
	json_array_foreach (json_object_get(info, "packages"), i, package)
		table_row(
		    t, (const char *const[]){i == 0 ? "packages" : "",
			   image_text(package, "name"), image_text(package, "version")});
	ret = table_print(t, stdout, false, e);
	table_free(t);
	return ret;
}

static json_int_t artefact_size(const json_t *info, const char *name)
{
	const json_t *a = json_object_get(json_object_get(info, "artefacts"), name);

	return json_integer_value(json_object_get(a, "size"));
}

/* What a start loads, the files of the initrd, and the firmware among them. */
static int add_summary(json_t *info, const json_t *files, struct err *e)
{
	static const char why[] = "firmware of ";
	json_t *firmware = json_array();
	const json_t *f;
	size_t i;
	int r = 0;

	json_array_foreach (files, i, f)
		if (strncmp(image_text(f, "why"), why, sizeof(why) - 1) == 0)
			r |= json_array_append_new(firmware,
			    json_pack("{s:s, s:I, s:s}", "path", image_text(f, "path"),
				"size", json_integer_value(json_object_get(f, "size")),
				"why", image_text(f, "why")));
	r |= json_object_set_new(info, "firmware", firmware);
	r |= json_object_set_new(info, "boot_bytes",
	    json_integer(artefact_size(info, "vmlinuz") + artefact_size(info, "initrd")));
	r |= json_object_set_new(
	    info, "file_count", json_integer((json_int_t)json_array_size(files)));
	return r == 0 ? 0 : err_set(e, ERR_FAILED, "image: no memory");
}

static int print_files(const json_t *files, struct err *e)
{
	struct table *t = table_new(4);
	const json_t *f;
	size_t i;
	int ret;

	table_row(t, (const char *const[]){"BYTES", "FILE", "PACKAGE", "WHY"});
	json_array_foreach (files, i, f) {
		char size[32];

		snprintf(size, sizeof(size), "%10lld",
		    (long long)json_integer_value(json_object_get(f, "size")));
		table_row(t, (const char *const[]){size, image_text(f, "path"),
				 image_text(f, "package"), image_text(f, "why")});
	}
	ret = table_print(t, stdout, false, e);
	table_free(t);
	return ret;
}

int image_cmd_info(const struct cli *cli, int argc, char **argv, struct err *e)
{
	bool with_files = argc > 1 && strcmp(argv[1], "--files") == 0;
	const char *dir;
	json_t *o = NULL, *files = NULL;
	int ret = -1;

	if (argc == 2 && strcmp(argv[1], "--all") == 0)
		return image_cmd_all(cli, e);
	if (image_one_dir(argc - with_files, argv + with_files, &dir, e) < 0 ||
	    image_info(dir, &o, e) < 0 || image_files(dir, &files, e) < 0 ||
	    add_summary(o, files, e) < 0)
		goto out;
	if (cli->json && with_files && json_object_set(o, "files", files) != 0)
		err_set(e, ERR_FAILED, "image: no memory");
	else if (cli->json)
		ret = out_json(stdout, o, e);
	else
		ret = with_files ? print_files(files, e) : print_info(o, e);
out:
	json_decref(files);
	json_decref(o);
	return ret;
}
