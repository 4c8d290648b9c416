#include "outdated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "source.h"

#define STALE_S (24 * 3600)

static int by_difference(const char *a, const char *b)
{
	return strcmp(a, b);
}

static int add(struct source *s, const json_t *package, json_t *list,
    json_int_t *security, struct err *e)
{
	int (*compare)(const char *a, const char *b) =
	    s->ops->compare != NULL ? s->ops->compare : by_difference;
	const char *name = json_string_value(json_object_get(package, "name"));
	const char *version = json_string_value(json_object_get(package, "version"));
	char AUTO_FREE *newest = NULL;
	bool secure = false;

	if (name == NULL || version == NULL)
		return 0;
	if (s->ops->newest(s, name, &newest, &secure, e) < 0)
		return -1;
	if (newest == NULL || compare(newest, version) <= 0)
		return 0;
	*security += secure;
	if (json_array_append_new(
		list, json_pack("{s:s, s:s, s:s, s:b}", "name", name, "installed",
			  version, "newest", newest, "security", (int)secure)) == 0)
		return 0;
	return err_sys(e, ENOMEM, "%s", name);
}

/* What is known of the age of the lists; true: they are not fresh. */
static bool lists_age(struct source *s, char *text, size_t size)
{
	int64_t listed = s->ops->listed != NULL ? s->ops->listed(s) : 0;
	int64_t age = (int64_t)time(NULL) - listed;

	if (listed <= 0) {
		snprintf(text, size, "of an unknown age");
		return true;
	}
	if (age < 3600)
		snprintf(text, size, "%lld minutes old", (long long)(age / 60));
	else if (age < 2 * STALE_S)
		snprintf(text, size, "%lld hours old", (long long)(age / 3600));
	else
		snprintf(text, size, "%lld days old", (long long)(age / STALE_S));
	return age >= STALE_S;
}

json_t *outdated_in(struct source *s, const json_t *info, struct err *e)
{
	const json_t *packages = json_object_get(info, "packages"), *p;
	json_t *list = json_array();
	json_int_t security = 0;
	char lists[48];
	bool stale;
	size_t i;

	json_array_foreach (packages, i, p)
		if (add(s, p, list, &security, e) < 0) {
			json_decref(list);
			return NULL;
		}
	/* After the first look: that may have brought them up to date. */
	stale = lists_age(s, lists, sizeof(lists));
	json_t *o = json_pack("{s:O, s:s, s:I, s:s, s:b, s:I, s:o}", "id",
	    json_object_get(info, "id"), "source", s->ops->name, "packages",
	    (json_int_t)json_array_size(packages), "lists", lists, "stale", (int)stale,
	    "security", security, "outdated", list);

	if (o == NULL)
		err_sys(e, ENOMEM, "image");
	return o;
}

int image_outdated(
    const char *dir, const struct image_options *opts, json_t **out, struct err *e)
{
	static const struct steps quiet;
	struct image_options o = *opts;
	struct source s = {.ops = NULL};
	json_t *info;
	int ret = -1;

	*out = NULL;
	if (image_info(dir, &info, e) < 0)
		return -1;
	if (o.source == NULL)
		o.source = json_string_value(json_object_get(info, "source"));
	/* Known without opening it: a source of files wants to be told where they are. */
	if (o.source != NULL && strcmp(o.source, "dir") == 0) {
		err_set(e, ERR_PRECONDITION,
		    "image outdated: it was made from a folder, which has no newer "
		    "packages");
		goto out;
	}
	if (source_open(&s, &o, &quiet, e) < 0)
		goto close;
	if (s.ops->newest == NULL)
		err_set(e, ERR_PRECONDITION, "image outdated: source %s can not say",
		    s.ops->name);
	else if ((*out = outdated_in(&s, info, e)) != NULL)
		ret = 0;
close:
	source_close(&s);
out:
	json_decref(info);
	return ret;
}
