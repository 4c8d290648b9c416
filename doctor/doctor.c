/* Which checks there are, what they know of the configuration, and their results. */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "paths.h"
#include "setup.h"
#include "cleanup.h"
#include "vmm/vmm.h"

static const struct check *const families[] = {host_checks, cpu_checks, iommu_checks,
    card_checks, image_checks, conflict_checks, boot_checks};

static const char *const status_names[] = {"pass", "warn", "fail", "skip"};
_Static_assert(ARRAY_LEN(status_names) == CHECK_STATUSES, "a status lacks its name");

const char *check_status_name(enum check_status s)
{
	return status_names[s];
}

#define RESULT(d, s)                                                                     \
	va_list ap;                                                                      \
                                                                                         \
	(d)->r->status = (s);                                                            \
	va_start(ap, fmt);                                                               \
	vsnprintf((d)->r->why, sizeof((d)->r->why), fmt, ap);                            \
	va_end(ap)

void pass(struct doctor *d, const char *fmt, ...)
{
	RESULT(d, CHECK_PASS);
}

void warn(struct doctor *d, const char *fmt, ...)
{
	RESULT(d, CHECK_WARN);
}

void fail(struct doctor *d, const char *fmt, ...)
{
	RESULT(d, CHECK_FAIL);
}

void skip(struct doctor *d, const char *fmt, ...)
{
	RESULT(d, CHECK_SKIP);
}

void fix(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->r->fix, sizeof(d->r->fix), fmt, ap);
	va_end(ap);
}

void skip_root(struct doctor *d, const char *what)
{
	skip(d, "only root can tell %s", what);
	fix(d, d->system == SYSTEM_FREEBSD ? "su root -c 'bhyfi doctor'"
					   : "sudo bhyfi doctor");
}

bool skip_card(struct doctor *d)
{
	if (d->simulated)
		skip(d, "the card is simulated");
	else if (d->card == NULL)
		skip(d, "there is no card to look at");
	return d->simulated || d->card == NULL;
}

static bool same_card(const struct card_id *a, const struct card_id *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot &&
	       a->function == b->function;
}

static void choose_card(struct doctor *d)
{
	const struct card *first = NULL;

	d->simulated = d->configured && d->config.card.kind == CARD_SIM;
	if (d->simulated)
		return;
	for (size_t i = 0; i < d->cards.n; i++) {
		const struct card *c = &d->cards.cards[i];

		if (d->configured ? same_card(&c->id, &d->config.card)
				  : d->card == NULL && c->passable)
			d->card = c;
		if (first == NULL)
			first = c;
	}
	if (!d->configured && d->card == NULL)
		d->card = first;
}

static const char *system_of(const char *vmm_name)
{
	const struct vmm_ops *vmm = vmm_find(vmm_name);

	return vmm != NULL ? vmm->os : NULL;
}

/* The VMM that belongs to the system, where the configured one is of another. */
static void adapt_vmm(struct doctor *d)
{
	const char *of = system_of(d->config.vmm);

	if (of != NULL ? strcmp(of, d->os->name) != 0 : !os_is_native(d->os->name))
		snprintf(d->config.vmm, sizeof(d->config.vmm), "%s",
		    d->system == SYSTEM_FREEBSD ? "bhyve" : "qemu");
}

/* A path of the configuration's in a system that is not here: ours is its default. */
static int below_root(
    char *path, size_t size, const char *ours, const char *theirs, struct err *e)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s", strcmp(path, ours) == 0 ? theirs : path);
	return os_path(path, size, text, e);
}

/* What the configuration says, or its defaults, of the system's own files. */
static int place(struct doctor *d, const struct setup_folders *folders, struct err *e)
{
	char networks[PATH_MAX], image[PATH_MAX];
	struct config *c = &d->config;

	snprintf(networks, sizeof(networks), "%s/wpa_supplicant.conf", folders->etc);
	snprintf(image, sizeof(image), "%s/images/current", folders->db);
	if (below_root(c->networks, sizeof(c->networks), PATH_ETC "/wpa_supplicant.conf",
		networks, e) < 0)
		return -1;
	return below_root(c->image, sizeof(c->image), PATH_IMAGES "/current", image, e);
}

/* The configuration of the system below the root that was given. */
static int read_other(struct doctor *d, struct err *e)
{
	const struct doctor_options *o = d->o;
	const struct os_ops *os;
	struct setup_folders folders;
	char path[PATH_MAX + 32];

	if (os_select(o->os, o->root, &os, e) < 0 ||
	    config_init(&d->config, o->instance, e) < 0)
		return -1;
	folders = setup_folders(os->name);
	if (os_path(d->etc, sizeof(d->etc), folders.etc, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%s.conf", d->etc, o->instance);
	d->configured = fact_config(&d->config, path, &d->config_error) == 0;
	if (!d->configured && config_init(&d->config, o->instance, e) < 0)
		return -1;
	return place(d, &folders, e);
}

static int read_config(struct doctor *d, struct err *e)
{
	const struct doctor_options *o = d->o;

	if (o->etc == NULL && o->root != NULL && o->root[0] != '\0')
		return read_other(d, e);
	snprintf(d->etc, sizeof(d->etc), "%s", o->etc != NULL ? o->etc : PATH_ETC);
	if (o->config != NULL)
		d->config = *o->config;
	if (o->config != NULL ||
	    config_load(&d->config, o->instance, &d->config_error) == 0)
		d->configured = true;
	else if (config_init(&d->config, o->instance, e) < 0)
		return -1;
	return 0;
}

static int choose_system(struct doctor *d, struct err *e)
{
	const struct doctor_options *o = d->o;
	const char *name = o->os, *root = o->root;

	if (name == NULL && d->configured)
		name = system_of(d->config.vmm);
	if (root == NULL)
		root = o->os == NULL && d->configured ? d->config.sysroot : "";
	if (os_select(name, root, &d->os, e) < 0)
		return -1;
	if (root[0] != '\0' && access(root, X_OK) < 0)
		return err_sys(e, errno, "%s", root);
	d->system = strcmp(d->os->name, "freebsd") == 0 ? SYSTEM_FREEBSD : SYSTEM_LINUX;
	d->root = geteuid() == 0;
	if (!d->configured && d->system == SYSTEM_FREEBSD)
		snprintf(d->config.interface, sizeof(d->config.interface), "tap0");
	adapt_vmm(d);
	return 0;
}

static struct confset *load(int (*from)(struct confset *s, struct err *e))
{
	struct confset *s = calloc(1, sizeof(*s));

	if (s != NULL && from(s, NULL) == 0)
		return s;
	free(s);
	return NULL;
}

static void unload(struct confset *s)
{
	if (s != NULL)
		confset_free(s);
	free(s);
}

static void run_family(struct doctor *d, const struct check *c,
    void (*report)(void *arg, const struct check_result *r), void *arg)
{
	for (; c->id != NULL; c++) {
		struct check_result r = {
		    .id = c->id, .title = c->title, .status = CHECK_SKIP};

		if (!(c->systems & d->system) ||
		    (d->o->only != NULL && strcmp(d->o->only, c->id) != 0))
			continue;
		d->r = &r;
		c->run(d);
		report(arg, &r);
	}
}

int doctor_run(const struct doctor_options *o,
    void (*report)(void *arg, const struct check_result *r), void *arg, struct err *e)
{
	struct doctor *d = calloc(1, sizeof(*d));
	int ret = -1;

	if (d == NULL)
		return err_set(e, ERR_FAILED, "doctor: out of memory");
	d->o = o;
	if (read_config(d, e) < 0 || choose_system(d, e) < 0)
		goto out;
	if (o->cards != NULL)
		d->cards = *o->cards;
	else if (d->os->cards(&d->cards, &d->cards_error) == 0)
		d->cards_error.code = ERR_NONE;
	choose_card(d);
	if (flr_load(&d->flr, o->flr_path, &d->flr_error) == 0)
		d->flr_error.code = ERR_NONE;
	if (d->system == SYSTEM_FREEBSD) {
		d->rc = load(confset_load_rc);
		d->loader = load(confset_load_loader);
	}
	for (size_t f = 0; f < ARRAY_LEN(families); f++)
		run_family(d, families[f], report, arg);
	ret = 0;
out:
	unload(d->rc);
	unload(d->loader);
	free(d);
	return ret;
}
