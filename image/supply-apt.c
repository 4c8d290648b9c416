/* The supply of source `debian` by apt, with the system's own sources. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apt.h"
#include "deb.h"
#include "debsupply.h"
#include "log.h"

/* One apt-get for so much: in between the build can be cancelled. */
#define BATCH_BYTES (16u << 20)

static int supply_open(struct deb_supply *s, struct err *e)
{
	struct apt *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_sys(e, ENOMEM, "apt");
	s->priv = a;
	return apt_open(a, s->dir, s->archives, e);
}

static void supply_close(struct deb_supply *s)
{
	if (s->priv == NULL)
		return;
	apt_close(s->priv);
	free(s->priv);
	s->priv = NULL;
}

static const char *supply_lists(const struct deb_supply *s)
{
	const struct apt *a = s->priv;

	return a->state;
}

/* Where it fails and there are older lists, these go on to be used and only a
 * warning is logged. */
static int supply_update(struct deb_supply *s, struct err *e)
{
	struct apt *a = s->priv;
	struct err why = ERR_INIT;

	s->updated = true;
	if (apt_update(a, &why) == 0)
		return deb_lists_stamp(a->state, false, e);
	if (deb_lists_time(a->state) == 0) {
		if (e != NULL)
			*e = why;
		return err_prefix(e, "package lists");
	}
	log_warn("package lists not updated, going on with the old ones: %s", why.msg);
	return deb_lists_stamp(a->state, true, e);
}

static int supply_resolve(
    struct deb_supply *s, const struct strv *names, struct deb_list *out, struct err *e)
{
	return apt_resolve(s->priv, names, out, e);
}

static int supply_choose(struct deb_supply *s, const char *depends, bool libs_only,
    struct strv *names, struct err *e)
{
	struct strv all = {0};
	int r = deb_depends(depends, &all, e);

	(void)s;
	for (size_t i = 0; i < all.n && r == 0; i++)
		if ((strncmp(all.v[i], "lib", 3) == 0) == libs_only)
			r = strv_add(names, all.v[i], e);
	strv_free(&all);
	return r;
}

static int supply_download(struct deb_supply *s,
    const struct deb_package *const *packages, size_t n, size_t done, size_t total,
    struct err *e)
{
	for (size_t i = 0, k; i < n; i += k) {
		size_t bytes = packages[i]->size;

		for (k = 1; i + k < n && bytes + packages[i + k]->size < BATCH_BYTES; k++)
			bytes += packages[i + k]->size;
		if (step_report(s->steps, IMAGE_STAGE_PACKAGES, packages[i]->name,
			done + i, total, e) < 0 ||
		    apt_download(s->priv, packages + i, k, e) < 0)
			return -1;
	}
	return 0;
}

static int supply_newest(struct deb_supply *s, const char *package, char **version,
    bool *security, struct err *e)
{
	return apt_newest(s->priv, package, version, security, e);
}

const struct deb_supply_ops deb_supply_apt = {
    .open = supply_open,
    .close = supply_close,
    .lists = supply_lists,
    .update = supply_update,
    .resolve = supply_resolve,
    .choose = supply_choose,
    .download = supply_download,
    .newest = supply_newest,
};
