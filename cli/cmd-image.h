/* What the files of `bhyfi image` share. */
#ifndef BHYFI_CLI_CMD_IMAGE_H
#define BHYFI_CLI_CMD_IMAGE_H

#include "cli.h"
#include "image.h"
#include "paths.h"

/* ERR_USAGE: "image: WHAT: ARG". */
int image_usage(struct err *e, const char *what, const char *arg);

/* cmd-image-options.c */
#define IMAGE_FILE_KEYS 16
#define IMAGE_OPTIONS_FILE PATH_ETC "/image.options"
/* What the file of options gave; options point into it. */
struct image_file_options {
	char *text[IMAGE_FILE_KEYS];
};
/* Fills what o leaves open from the file, if there is one. image_file_options_free in any
 * case. */
int image_file_options_read(struct image_file_options *file, const char *path,
    struct image_options *o, struct err *e);
void image_file_options_free(struct image_file_options *file);

/* The options of build, and of the file, for what reads the same sources. */
int image_parse_source(int argc, char **argv, struct image_options *o,
    struct image_file_options *file, struct err *e);
/* A string of an object, "-" where there is none. */
const char *image_text(const json_t *o, const char *key);
/* The one operand of info and verify, or NULL. */
int image_one_dir(int argc, char **argv, const char **dir, struct err *e);

/* cmd-image-card.c */
#define IMAGE_CARD_SIZE 16
/* A card as in the configuration (pci0:3:0:0, 0000:03:00.0, sim:wpa2), or VENDOR:DEVICE,
 * or sim; card holds what o->card then points to. */
int image_take_card(
    struct image_options *o, const char *text, char card[IMAGE_CARD_SIZE], struct err *e);
/* Where nothing says for which card: the instance's, or the only one of this machine. No
 * card at all is none. */
int image_own_card(const struct cli *cli, struct image_options *o,
    char card[IMAGE_CARD_SIZE], struct err *e);

/* cmd-image-info.c */
int image_cmd_info(const struct cli *cli, int argc, char **argv, struct err *e);

/* cmd-image-store.c */
int image_cmd_all(const struct cli *cli, struct err *e); /* info --all */
int image_cmd_rollback(const struct cli *cli, int argc, char **argv, struct err *e);
int image_cmd_outdated(const struct cli *cli, int argc, char **argv, struct err *e);

#endif
