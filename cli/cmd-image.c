#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cmd-image.h"
#include "clock.h"
#include "image.h"
#include "os/os.h"
#include "out.h"
#include "paths.h"

/* The build looks at it at each step, cleans up and ends; a second signal ends
 * the program at once, and the next build cleans up. */
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
}

struct painter {
	struct progress progress;
	int64_t start;
};

static int paint(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total)
{
	struct painter *p = arg;
	double s = (double)(clock_ms() - p->start) / 1000;

	if (interrupted)
		return -1;
	if (total > 0)
		progress_paint(&p->progress, "%6.1f s  %s: %s (%zu of %zu)", s,
		    image_stage_name(stage), what, done, total);
	else
		progress_paint(
		    &p->progress, "%6.1f s  %s: %s", s, image_stage_name(stage), what);
	return 0;
}

struct build_args {
	struct image_options image;
	char card[IMAGE_CARD_SIZE]; /* where a PCI address was given */
	struct image_file_options file;
};

int image_usage(struct err *e, const char *what, const char *arg)
{
	err_set(e, ERR_USAGE, "image: %s%s%s", what, arg == NULL ? "" : ": ",
	    arg == NULL ? "" : arg);
	return err_hint(e, "bhyfi help image");
}

/* Options whose value is a member of struct image_options as it is. */
#define MEMBER 1000
#define TEXT(name, member)                                                               \
	{                                                                                \
		name, required_argument, NULL,                                           \
		    MEMBER + (int)offsetof(struct image_options, member)                 \
	}
#define FLAG(name, member)                                                               \
	{                                                                                \
		name, no_argument, NULL,                                                 \
		    MEMBER + (int)offsetof(struct image_options, member)                 \
	}
static const struct option build_options[] = {TEXT("source", source), TEXT("root", root),
    TEXT("mirror", mirror), TEXT("security-mirror", security_mirror),
    TEXT("suite", suite), TEXT("branch", branch), TEXT("keys", keys),
    TEXT("firmware", firmware), TEXT("guest", libexec), TEXT("kernel", kernel),
    TEXT("output", output), TEXT("cache", cache), TEXT("sign", sign),
    FLAG("current", at_once), FLAG("all-cards", all_cards), FLAG("ap", ap),
    FLAG("air", air), FLAG("keep-signatures", keep_signatures),
    {"card", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};

static void take_member(struct image_options *o, const struct option *option)
{
	char *at = (char *)o + (option->val - MEMBER);

	if (option->has_arg == required_argument)
		*(const char **)(void *)at = optarg;
	else
		*(bool *)(void *)at = true;
}

static int parse_build(int argc, char **argv, struct build_args *a, struct err *e)
{
	int c, which = 0;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", build_options, &which)) != -1) {
		if (c == ':')
			return image_usage(e, "option needs a value", argv[optind - 1]);
		if (c >= MEMBER)
			take_member(&a->image, &build_options[which]);
		else if (c != 'c')
			return image_usage(e, "no such option", argv[optind - 1]);
		else if (image_take_card(&a->image, optarg, a->card, e) < 0)
			return -1;
	}
	return optind < argc ? image_usage(e, "unexpected", argv[optind]) : 0;
}

int image_parse_source(int argc, char **argv, struct image_options *o,
    struct image_file_options *file, struct err *e)
{
	struct build_args a = {.image = {0}};

	*file = (struct image_file_options){0};
	/* Its card may point into a, and is nothing to who reads a source only. */
	if (parse_build(argc, argv, &a, e) < 0)
		return -1;
	*o = a.image;
	o->card = NULL;
	return image_file_options_read(file, IMAGE_OPTIONS_FILE, o, e);
}

/* What becomes of a build in the folder of images. */
static const char *place(const struct image_result *r, bool output)
{
	if (output)
		return "";
	switch (r->place) {
	case STORE_CURRENT:
		return "it is the current image\n";
	case STORE_CANDIDATE:
		return "the next start tries it, and falls back if it does not come "
		       "online\n";
	case STORE_REFUSED:
		return "it was refused before and is not tried again (bhyfi image "
		       "rollback "
		       "ID)\n";
	}
	return "";
}

static int print_built(const struct cli *cli, const struct image_result *r, bool output,
    int64_t ms, struct err *e)
{
	static const char *const places[] = {"current", "candidate", "refused"};
	json_t *o;

	if (!cli->json) {
		printf("%s\n%zu files from %zu packages, Linux %s, initrd %.1f MiB, "
		       "%.1f s%s\n",
		    r->image.dir, r->files, r->packages, r->image.kernel_version,
		    (double)r->bytes / (1 << 20), (double)ms / 1000,
		    r->reused ? "; the same image was there already" : "");
		printf("%s", place(r, output));
		return out_flush(stdout, e);
	}
	o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:f}", "dir", r->image.dir,
	    "id", r->image.id, "kernel", r->image.kernel_version, "files",
	    (json_int_t)r->files, "packages", (json_int_t)r->packages, "bytes",
	    (json_int_t)r->bytes, "reused", (int)r->reused, "seconds", (double)ms / 1000);
	json_object_set_new(o, "signed", json_boolean(r->is_signed));
	json_object_set_new(
	    o, "place", output ? json_null() : json_string(places[r->place]));
	return out_json_end(stdout, o, e);
}

static int build(const struct cli *cli, int argc, char **argv, struct err *e)
{
	struct build_args a = {.image = {0}};
	struct painter p = {.start = clock_ms()};
	struct image_result result;
	int ret = -1;

	if (parse_build(argc, argv, &a, e) < 0 ||
	    image_file_options_read(&a.file, IMAGE_OPTIONS_FILE, &a.image, e) < 0 ||
	    image_own_card(cli, &a.image, a.card, e) < 0)
		goto out;
	if (a.image.sign == NULL)
		a.image.sign = "";
	catch_signals();
	progress_init(&p.progress, stderr);
	ret = image_build(&a.image, paint, &p, &result, e);
	progress_end(&p.progress);
	if (ret == 0)
		ret = print_built(
		    cli, &result, a.image.output != NULL, clock_ms() - p.start, e);
	image_close(&result.image);
out:
	image_file_options_free(&a.file);
	return ret;
}

/* The one operand of info and verify. */
int image_one_dir(int argc, char **argv, const char **dir, struct err *e)
{
	int i = 1;

	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	else if (i < argc && argv[i][0] == '-')
		return image_usage(e, "no such option", argv[i]);
	*dir = i < argc ? argv[i++] : NULL;
	return i < argc ? image_usage(e, "unexpected", argv[i]) : 0;
}

const char *image_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "-" : s;
}

static int verify(const struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *dir;
	struct image img = {0};
	json_t *o;
	int ret = -1;

	if (image_one_dir(argc, argv, &dir, e) < 0 || image_verify(dir, e) < 0 ||
	    image_open_trusted(dir, &img, e) < 0)
		goto out;
	if (!cli->json) {
		printf("%s: whole, signed with key %s\n", img.dir, img.signer);
		ret = out_flush(stdout, e);
		goto out;
	}
	o = json_pack("{s:s, s:s, s:b, s:s}", "dir", img.dir, "id", img.id, "verified", 1,
	    "key", img.signer);
	ret = out_json_end(stdout, o, e);
out:
	image_close(&img);
	return ret;
}

struct esp_args {
	const char *image, *cmdline, *path;
	bool air;
};

static int parse_esp(int argc, char **argv, struct esp_args *a, struct err *e)
{
	static const struct option options[] = {{"air", no_argument, NULL, 'a'},
	    {"cmdline", required_argument, NULL, 'c'},
	    {"image", required_argument, NULL, 'i'}, {NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			a->air = true;
			break;
		case 'c':
			a->cmdline = optarg;
			break;
		case 'i':
			a->image = optarg;
			break;
		case ':':
			return image_usage(e, "option needs a value", argv[optind - 1]);
		default:
			return image_usage(e, "no such option", argv[optind - 1]);
		}
	}
	if (a->cmdline == NULL || optind != argc - 1)
		return image_usage(e, "esp: expected --cmdline TEXT and a file", NULL);
	a->path = argv[optind];
	return 0;
}

static int esp(const struct cli *cli, int argc, char **argv, struct err *e)
{
	/* Not a candidate: nobody would see whether it comes online. */
	struct esp_args a = {.image = PATH_IMAGES "/current"};
	struct image img = {0};
	json_t *o;
	int ret = -1;

	if (parse_esp(argc, argv, &a, e) < 0 ||
	    image_open_trusted(a.image, &img, e) < 0 ||
	    image_esp(&img, a.air, a.cmdline, a.path, e) < 0)
		goto out;
	ret = 0;
	if (cli->json) {
		o = json_pack("{s:s, s:s}", "id", img.id, "file", a.path);
		ret = out_json_end(stdout, o, e);
	}
out:
	image_close(&img);
	return ret;
}

int cmd_image(struct cli *cli, int argc, char **argv, struct err *e)
{
	static const struct {
		const char *name;
		int (*run)(const struct cli *cli, int argc, char **argv, struct err *e);
	} subs[] = {{"build", build}, {"info", image_cmd_info}, {"verify", verify},
	    {"esp", esp}, {"rollback", image_cmd_rollback},
	    {"outdated", image_cmd_outdated}};

	if (argc < 2)
		return image_usage(
		    e, "build, info, verify, rollback, outdated or esp", NULL);
	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (strcmp(argv[1], subs[i].name) == 0)
			return subs[i].run(cli, argc - 1, argv + 1, e);
	return image_usage(e, "no such command of image", argv[1]);
}
