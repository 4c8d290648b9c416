#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "image.h"
#include "os/os.h"
#include "out.h"

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
	char card[16]; /* where a PCI address was given: its VENDOR:DEVICE */
};

static int same_card(const struct card_id *a, const struct card_id *b)
{
	char x[CARD_TEXT_SIZE], y[CARD_TEXT_SIZE];

	card_id_text(a, x);
	card_id_text(b, y);
	return strcmp(x, y) == 0;
}

/* A card as in the configuration (pci0:3:0:0, 0000:03:00.0, sim:wpa2), or VENDOR:DEVICE,
 * or sim. */
static int take_card(struct build_args *a, const char *text, struct err *e)
{
	const struct os_ops *os;
	struct card_list list = {.n = 0};
	struct card_id id;

	if (strncmp(text, "sim", 3) == 0 && (text[3] == '\0' || text[3] == ':')) {
		a->image.card = "sim";
		return text[3] == '\0' ? 0 : card_id_parse(text, &id, e);
	}
	a->image.card = text;
	/* lspci's form of an address has a point, VENDOR:DEVICE none. */
	if (strncmp(text, "pci", 3) != 0 && strchr(text, '.') == NULL)
		return 0;
	if (card_id_parse(text, &id, e) < 0 || os_select(NULL, "", &os, e) < 0 ||
	    os->cards(&list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (same_card(&list.cards[i].id, &id)) {
			snprintf(a->card, sizeof(a->card), "%04x:%04x",
			    list.cards[i].vendor & 0xffffu,
			    list.cards[i].device & 0xffffu);
			a->image.card = a->card;
			return 0;
		}
	err_set(e, ERR_PRECONDITION, "image build: no card %s in this machine", text);
	return err_hint(e, "bhyfi cards lists them; or VENDOR:DEVICE");
}

static int usage(struct err *e, const char *what, const char *arg)
{
	err_set(e, ERR_USAGE, "image: %s%s%s", what, arg == NULL ? "" : ": ",
	    arg == NULL ? "" : arg);
	return err_hint(e, "bhyfi help image");
}

static int parse_build(int argc, char **argv, struct build_args *a, struct err *e)
{
	static const struct option options[] = {{"source", required_argument, NULL, 's'},
	    {"root", required_argument, NULL, 'r'},
	    {"output", required_argument, NULL, 'o'},
	    {"card", required_argument, NULL, 'c'}, {"air", no_argument, NULL, 'a'},
	    {"ap", no_argument, NULL, 'p'}, {"mirror", required_argument, NULL, 'm'},
	    {"suite", required_argument, NULL, 'u'},
	    {"cache", required_argument, NULL, 'd'},
	    {"keep-signatures", no_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 's':
			a->image.source = optarg;
			break;
		case 'r':
			a->image.root = optarg;
			break;
		case 'o':
			a->image.output = optarg;
			break;
		case 'c':
			if (take_card(a, optarg, e) < 0)
				return -1;
			break;
		case 'a':
			a->image.air = true;
			break;
		case 'p':
			a->image.ap = true;
			break;
		case 'm':
			a->image.mirror = optarg;
			break;
		case 'u':
			a->image.suite = optarg;
			break;
		case 'd':
			a->image.cache = optarg;
			break;
		case 'k':
			a->image.keep_signatures = true;
			break;
		case ':':
			return usage(e, "option needs a value", argv[optind - 1]);
		default:
			return usage(e, "no such option", argv[optind - 1]);
		}
	}
	return optind < argc ? usage(e, "unexpected", argv[optind]) : 0;
}

static int print_built(
    const struct cli *cli, const struct image_result *r, int64_t ms, struct err *e)
{
	json_t *o;

	if (!cli->json) {
		printf("%s\n%zu files from %zu packages, Linux %s, initrd %.1f MiB, "
		       "%.1f s%s\n",
		    r->image.dir, r->files, r->packages, r->image.kernel_version,
		    (double)r->bytes / (1 << 20), (double)ms / 1000,
		    r->reused ? "; the same image was there already" : "");
		return out_flush(stdout, e);
	}
	o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:f}", "dir", r->image.dir,
	    "id", r->image.id, "kernel", r->image.kernel_version, "files",
	    (json_int_t)r->files, "packages", (json_int_t)r->packages, "bytes",
	    (json_int_t)r->bytes, "reused", (int)r->reused, "seconds", (double)ms / 1000);
	return out_json_end(stdout, o, e);
}

static int build(const struct cli *cli, int argc, char **argv, struct err *e)
{
	struct build_args a = {.image = {0}};
	struct painter p = {.start = clock_ms()};
	struct image_result result;
	int ret;

	if (parse_build(argc, argv, &a, e) < 0)
		return -1;
	catch_signals();
	progress_init(&p.progress, stderr);
	ret = image_build(&a.image, paint, &p, &result, e);
	progress_end(&p.progress);
	if (ret == 0)
		ret = print_built(cli, &result, clock_ms() - p.start, e);
	image_close(&result.image);
	return ret;
}

/* The one operand of info and verify. */
static int one_dir(int argc, char **argv, const char **dir, struct err *e)
{
	int i = 1;

	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	else if (i < argc && argv[i][0] == '-')
		return usage(e, "no such option", argv[i]);
	*dir = i < argc ? argv[i++] : NULL;
	return i < argc ? usage(e, "unexpected", argv[i]) : 0;
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "-" : s;
}

static int print_info(const json_t *info, struct err *e)
{
	static const char *const keys[] = {
	    "dir", "id", "kernel", "source", "card", "built_by"};
	const json_t *artefact, *package;
	struct table *t = table_new(3);
	const char *name;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		table_row(t, (const char *const[]){keys[i], text(info, keys[i]), ""});
	table_row(
	    t, (const char *const[]){"current",
		   json_is_true(json_object_get(info, "current")) ? "yes" : "no", ""});
	json_object_foreach (json_object_get(info, "artefacts"), name, artefact) {
		char size[32];

		snprintf(size, sizeof(size), "%lld bytes",
		    (long long)json_integer_value(json_object_get(artefact, "size")));
		table_row(t, (const char *const[]){name, size, text(artefact, "sha256")});
	}
	json_array_foreach (json_object_get(info, "packages"), i, package)
		table_row(t, (const char *const[]){i == 0 ? "packages" : "",
				 text(package, "name"), text(package, "version")});
	ret = table_print(t, stdout, false, e);
	table_free(t);
	return ret;
}

static int info(const struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *dir;
	json_t *o;
	int ret;

	if (one_dir(argc, argv, &dir, e) < 0 || image_info(dir, &o, e) < 0)
		return -1;
	ret = cli->json ? out_json(stdout, o, e) : print_info(o, e);
	json_decref(o);
	return ret;
}

static int verify(const struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *dir;
	struct image img = {0};
	json_t *o;
	int ret = -1;

	if (one_dir(argc, argv, &dir, e) < 0 || image_verify(dir, e) < 0 ||
	    image_open(dir, &img, e) < 0)
		goto out;
	if (!cli->json) {
		printf("%s: whole\n", img.dir);
		ret = out_flush(stdout, e);
		goto out;
	}
	o = json_pack("{s:s, s:s, s:b}", "dir", img.dir, "id", img.id, "verified", 1);
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
			return usage(e, "option needs a value", argv[optind - 1]);
		default:
			return usage(e, "no such option", argv[optind - 1]);
		}
	}
	if (a->cmdline == NULL || optind != argc - 1)
		return usage(e, "esp: expected --cmdline TEXT and a file", NULL);
	a->path = argv[optind];
	return 0;
}

static int esp(const struct cli *cli, int argc, char **argv, struct err *e)
{
	struct esp_args a = {0};
	struct image img = {0};
	json_t *o;
	int ret = -1;

	if (parse_esp(argc, argv, &a, e) < 0 || image_open(a.image, &img, e) < 0 ||
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
	} subs[] = {{"build", build}, {"info", info}, {"verify", verify}, {"esp", esp}};

	if (argc < 2)
		return usage(e, "build, info, verify or esp", NULL);
	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (strcmp(argv[1], subs[i].name) == 0)
			return subs[i].run(cli, argc - 1, argv + 1, e);
	return usage(e, "no such command of image", argv[1]);
}
