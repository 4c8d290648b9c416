#include "contents.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "collect.h"
#include "fs.h"
#include "kernel-small.h"
#include "log.h"
#include "modset.h"
#include "newer.h"
#include "paths.h"

#define SCENARIO_MAX (64 * 1024)
#define SCENARIOS_MAX 256

struct fill {
	struct contents *c;
	struct source *source;
	const struct image_options *opts;
	struct kmods kmods;
	struct modset base, air;
	/* Of the distribution's kernel, where another one is used. */
	bool small;
	struct kmods known;
	struct modset card;
};

bool card_is_real(const char *card)
{
	return card != NULL && strcmp(card, "sim") != 0;
}

bool contents_for_card(const struct image_options *o)
{
	return o->all_cards || card_is_real(o->card);
}

/* For modset_add_card. */
static const char *which_card(const struct image_options *o)
{
	return o->all_cards ? NULL : o->card;
}

static const char *libexec(const struct image_options *o)
{
	return o->libexec == NULL ? PATH_LIBEXEC : o->libexec;
}

int contents_programs(const struct image_options *o, struct err *e)
{
	static const char *const names[] = {"bhyfi-modprobe", "bhyfi-guest", "bhyfi-air"};
	size_t n = o->air ? 3 : 2;

	for (size_t i = 0; i < n; i++) {
		char AUTO_FREE *path = NULL;

		if (i == 1 && o->init != NULL)
			continue;
		if (asprintf(&path, "%s/%s", libexec(o), names[i]) < 0)
			return err_sys(e, ENOMEM, "guest");
		if (access(path, R_OK) == 0)
			continue;
		err_set(e, ERR_PRECONDITION, "%s: %s", path, strerror(errno));
		return err_hint(e, "--guest DIR: libexec/bhyfi of a build on Linux");
	}
	return 0;
}

static int profile_packages(const struct profile *p, struct strv *names, struct err *e)
{
	for (const struct profile_program *g = p->programs; g->path != NULL; g++)
		if (strv_add_once(names, g->package, e) < 0)
			return -1;
	for (const struct profile_file *f = p->files; f->path != NULL; f++)
		if (f->package != NULL && strv_add_once(names, f->package, e) < 0)
			return -1;
	return 0;
}

static int need_packages(struct fill *f, struct err *e)
{
	struct strv names = {0};
	int r = profile_packages(&profile_base, &names, e);

	if (r == 0 && f->opts->ap)
		r = profile_packages(&profile_ap, &names, e);
	if (r == 0 && f->opts->air)
		r = profile_packages(&profile_air, &names, e);
	if (r == 0)
		r = strv_add(&names, PROFILE_STUB_PACKAGE, e);
	if (r == 0)
		r = f->source->ops->need(f->source, &names, e);
	strv_free(&names);
	return r;
}

/* The folders and links that everything else relies on. */
static int put_skeleton(struct fill *f, struct err *e)
{
	static const char *const dirs[] = {"dev", "etc", "proc", "root", "run", "sys",
	    "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var"};
	static const char *const links[][2] = {{"bin", "usr/bin"}, {"lib", "usr/lib"},
	    {"lib64", "usr/lib64"}, {"sbin", "usr/sbin"}, {"var/run", "/run"}};
	static const char *const texts[][2] = {
	    {"etc/passwd", "root:x:0:0:root:/root:/bin/false\n"
			   "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
	    {"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
	    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
	    {"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"}};
	struct tree *t = &f->c->base;

	t->why = "every guest has it";
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (tree_dir(t, dirs[i], 0755, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (tree_link(t, links[i][0], links[i][1], NO_PACKAGE, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (tree_text(t, texts[i][0], texts[i][1], e) < 0)
			return -1;
	return tree_dir(t, "tmp", 01777, e) < 0 ? -1 : tree_console(t, e);
}

/* /etc/bhyfi/image.json. Not the id: it comes from a hash that covers this. */
static int put_image_json(struct fill *f, struct err *e)
{
	const char *card = f->opts->all_cards      ? "all"
			   : f->opts->card != NULL ? f->opts->card
						   : "none";
	json_t *o =
	    json_pack("{s:s, s:s, s:s, s:s}", "source", f->source->ops->name, "kernel",
		f->source->kernel, "card", card, "built_by", "bhyfi " BHYFI_VERSION);
	char AUTO_FREE *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	json_decref(o);
	if (text == NULL)
		return err_sys(e, ENOMEM, "image.json");
	return tree_text(&f->c->base, "etc/bhyfi/image.json", text, e);
}

/* bhyfi-guest and bhyfi-modprobe; the latter also where a test brings its init. */
static int put_init(struct fill *f, struct collect *c, struct err *e)
{
	char AUTO_FREE *init = NULL;
	char AUTO_FREE *modprobe = NULL;

	if (asprintf(&init, "%s/bhyfi-guest", libexec(f->opts)) < 0 ||
	    asprintf(&modprobe, "%s/bhyfi-modprobe", libexec(f->opts)) < 0)
		return err_sys(e, ENOMEM, "init");
	if (collect_static(c, "usr/sbin/modprobe", modprobe, e) < 0)
		return -1;
	return collect_static(c, "init", f->opts->init != NULL ? f->opts->init : init, e);
}

static int put_profile(struct collect *c, const struct profile *p, struct err *e)
{
	struct strv programs = {0};
	char why[64];
	int r = 0;

	snprintf(why, sizeof(why), "of profile %s", p->name);
	c->why = why;
	for (const struct profile_program *g = p->programs; g->path != NULL && r == 0;
	     g++)
		r = strv_add(&programs, g->path, e);
	if (r == 0)
		r = collect_programs(c, &programs, e);
	strv_free(&programs);
	for (const struct profile_file *f = p->files; f->path != NULL && r == 0; f++) {
		const char *from = f->from[0];

		for (size_t i = 0; i < ARRAY_LEN(f->from) && f->from[i] != NULL; i++)
			if (fileset_resolve(&c->source->files, f->from[i]) != NULL) {
				from = f->from[i];
				break;
			}
		if (f->optional && fileset_resolve(&c->source->files, from) == NULL)
			continue;
		r = collect_file(c, f->path, from, e);
	}
	c->why = c->out->why = NULL;
	return r;
}

/* What is the same with any kernel. */
static int put_programs(struct fill *f, struct err *e)
{
	struct collect c = {.source = f->source, .out = &f->c->base};

	if (put_skeleton(f, e) < 0 || put_init(f, &c, e) < 0 ||
	    put_profile(&c, &profile_base, e) < 0 ||
	    (f->opts->ap && put_profile(&c, &profile_ap, e) < 0))
		return -1;
	f->c->base.why = NULL;
	return 0;
}

static int fill_base(struct fill *f, struct err *e)
{
	f->c->base.why = "every guest has it";
	if (put_image_json(f, e) < 0)
		return -1;
	f->c->base.why = NULL;
	if (modset_add_profile(&f->base, &profile_base, e) < 0)
		return -1;
	if (contents_for_card(f->opts) && !f->small &&
	    modset_add_card(&f->base, which_card(f->opts), &f->c->drivers, e) < 0)
		return -1;
	if (modset_write(&f->base, NULL, &f->c->base, "usr/lib/bhyfi/modules.list", e) <
	    0)
		return -1;
	return f->small ? 0 : modset_firmware(&f->base, f->source, &f->c->base, e);
}

/* Scenarios, and the certificates of those that have some. */
static int is_scenario(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot != NULL && dot != d->d_name &&
	       (strcmp(dot, ".conf") == 0 || strcmp(dot, ".pem") == 0);
}

static int put_scenario(struct fill *f, const char *dir, const char *name, struct err *e)
{
	char AUTO_FREE *disk = NULL;
	char AUTO_FREE *path = NULL;
	char *data;
	size_t len;

	if (asprintf(&disk, "%s/%s", dir, name) < 0 ||
	    asprintf(&path, "air/scenarios/%s", name) < 0)
		return err_sys(e, ENOMEM, "scenarios");
	if (fs_read_file(disk, SCENARIO_MAX, &data, &len, e) < 0)
		return -1;
	return tree_file(&f->c->air, path, data, len, 0644, NO_PACKAGE, e);
}

static int put_scenarios(struct fill *f, struct err *e)
{
	char AUTO_FREE *dir = NULL;
	struct dirent **list = NULL;
	int n, r = 0;

	if (asprintf(&dir, "%s/air", libexec(f->opts)) < 0)
		return err_sys(e, ENOMEM, "scenarios");
	n = scandir(dir, &list, is_scenario, alphasort);
	if (n <= 0 || n > SCENARIOS_MAX) {
		err_set(e, ERR_PRECONDITION, "%s: %s", dir,
		    n < 0    ? strerror(errno)
		    : n == 0 ? "no scenarios"
			     : "too many scenarios");
		r = err_hint(e, "they come with bhyfi: is bhyfi installed whole?");
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = put_scenario(f, dir, list[i]->d_name, e);
		free(list[i]);
	}
	free(list);
	return r;
}

static int fill_air(struct fill *f, struct err *e)
{
	struct collect c = {.source = f->source, .out = &f->c->air, .below = &f->c->base};
	char AUTO_FREE *path = NULL;

	if (asprintf(&path, "%s/bhyfi-air", libexec(f->opts)) < 0)
		return err_sys(e, ENOMEM, "air");
	if (collect_static(&c, "air/bhyfi-air", path, e) < 0)
		return -1;
	f->c->air.why = "the simulated WLAN";
	if (put_scenarios(f, e) < 0 || put_profile(&c, &profile_air, e) < 0)
		return -1;
	f->air.reason = "the simulated WLAN";
	if (modset_add_profile(&f->air, &profile_air, e) < 0)
		return -1;
	return modset_write(
	    &f->air, &f->base, &f->c->air, "usr/lib/bhyfi/modules.d/air.list", e);
}

static int open_modules(
    struct fill *f, struct kmods *kmods, struct modset *set, struct err *e)
{
	*set = (struct modset){.kmods = kmods,
	    .version = f->source->kernel,
	    .keep_signatures = f->opts->keep_signatures};
	return kmods_open(kmods, &f->source->files, f->source->kernel, e);
}

/* Where the kernel has no driver for the card, the next newer one that the source offers
 * is taken. */
static int open_for_card(
    struct fill *f, struct kmods *kmods, struct modset *set, struct err *e)
{
	struct err why = ERR_INIT;
	int r = open_modules(f, kmods, set, e);

	if (r < 0 || !card_is_real(f->opts->card) || f->opts->all_cards)
		return r;
	while (!modset_has_card(set, f->opts->card, &why)) {
		r = newer_kernel(f->source, e);
		if (r == 1 && e != NULL)
			*e = why;
		if (r != 0)
			return -1;
		log_info("%s: taking kernel %s", why.msg, f->source->kernel);
		modset_free(set);
		kmods_close(kmods);
		if (open_modules(f, kmods, set, e) < 0)
			return -1;
	}
	return 0;
}

/*
 * The small kernel has the card's driver built in. Which one that is, and what firmware
 * it asks for, the distribution's kernel knows. The firmware comes first: that it can not
 * be had is better known before ten minutes of compiling.
 */
static int take_small(struct fill *f, struct err *e)
{
	if (open_for_card(f, &f->known, &f->card, e) < 0)
		return -1;
	if (contents_for_card(f->opts) &&
	    modset_add_card(&f->card, which_card(f->opts), &f->c->drivers, e) < 0)
		return -1;
	if (modset_firmware(&f->card, f->source, &f->c->base, e) < 0)
		return -1;
	if (kernel_small(f->source, &f->c->drivers, e) < 0)
		return -1;
	f->card.version = f->source->kernel;
	return 0;
}

int contents_fill(struct contents *c, struct source *source, struct err *e)
{
	const struct image_options *o = source->opts;
	struct fill f = {.c = c, .source = source, .opts = o};
	int r = -1;

	*c = (struct contents){0};
	if (kernel_is_small(o, &f.small, e) < 0 || need_packages(&f, e) < 0 ||
	    step_report(source->steps, IMAGE_STAGE_CLOSURE, source->kernel, 0, 0, e) <
		0 ||
	    put_programs(&f, e) < 0 || (f.small && take_small(&f, e) < 0) ||
	    (f.small ? open_modules(&f, &f.kmods, &f.base, e)
		     : open_for_card(&f, &f.kmods, &f.base, e)) < 0)
		goto out;
	f.air = (struct modset){.kmods = &f.kmods,
	    .version = source->kernel,
	    .keep_signatures = o->keep_signatures};
	r = fill_base(&f, e);
	if (r == 0 && o->air)
		r = fill_air(&f, e);
	tree_sort(&c->base);
	tree_sort(&c->air);
out:
	modset_free(&f.base);
	modset_free(&f.air);
	modset_free(&f.card);
	kmods_close(&f.kmods);
	kmods_close(&f.known);
	return r;
}

void contents_free(struct contents *c)
{
	tree_free(&c->base);
	tree_free(&c->air);
	strv_free(&c->drivers);
}
