/* bhyfi image info --all, rollback, outdated: images that are there already. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd-image.h"
#include "outdated.h"
#include "out.h"
#include "paths.h"
#include "store.h"

/* "current, good", or why it was refused. */
static void standing(const json_t *o, char *out, size_t size)
{
	static const char *const roles[] = {"current", "candidate", "good", "previous"};
	const char *why = json_string_value(json_object_get(o, "refused"));
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (json_is_true(json_object_get(o, roles[i])))
			n += (size_t)snprintf(
			    out + n, size - n, "%s%s", n > 0 ? ", " : "", roles[i]);
	if (why != NULL && n < size)
		snprintf(out + n, size - n, "%srefused: %s", n > 0 ? ", " : "", why);
}

static int print_all(const json_t *list, struct err *e)
{
	struct table *t = table_new(4);
	const json_t *o;
	size_t i;
	int ret;

	table_row(t, (const char *const[]){"ID", "KERNEL", "CARD", ""});
	json_array_foreach (list, i, o) {
		char text[640];

		standing(o, text, sizeof(text));
		table_row(t, (const char *const[]){image_text(o, "id"),
				 image_text(o, "kernel"), image_text(o, "card"), text});
	}
	ret = table_print(t, stdout, false, e);
	table_free(t);
	return ret;
}

int image_cmd_all(const struct cli *cli, struct err *e)
{
	json_t *list = store_list(PATH_IMAGES, e);
	int ret;

	if (list == NULL)
		return -1;
	ret = cli->json ? out_json_end(stdout, json_pack("{s:O}", "images", list), e)
			: print_all(list, e);
	json_decref(list);
	return ret;
}

int image_cmd_rollback(const struct cli *cli, int argc, char **argv, struct err *e)
{
	char now[STORE_ID_MAX] = "";
	int i = 1;

	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	else if (i < argc && argv[i][0] == '-')
		return image_usage(e, "no such option", argv[i]);
	if (argc - i > 1)
		return image_usage(e, "unexpected", argv[i + 1]);
	if (store_rollback(PATH_IMAGES, i < argc ? argv[i] : NULL, now, e) < 0)
		return -1;
	if (cli->json)
		return out_json_end(stdout, json_pack("{s:s}", "current", now), e);
	printf("%s is the current image, from the next start on\n", now);
	return out_flush(stdout, e);
}

static int print_outdated(const json_t *o, struct err *e)
{
	const json_t *list = json_object_get(o, "outdated"), *p;
	struct table *t;
	size_t i;
	int ret;

	if (json_is_true(json_object_get(o, "stale")))
		fprintf(stderr, "bhyfi: the lists of packages are %s\n",
		    json_string_value(json_object_get(o, "lists")));
	if (json_array_size(list) == 0) {
		printf("%s: nothing newer for its %lld packages\n", image_text(o, "id"),
		    (long long)json_integer_value(json_object_get(o, "packages")));
		return out_flush(stdout, e);
	}
	t = table_new(4);
	table_row(t, (const char *const[]){"PACKAGE", "INSTALLED", "NEWEST", ""});
	json_array_foreach (list, i, p)
		table_row(t,
		    (const char *const[]){image_text(p, "name"),
			image_text(p, "installed"), image_text(p, "newest"),
			json_is_true(json_object_get(p, "security")) ? "security" : ""});
	ret = table_print(t, stdout, false, e);
	table_free(t);
	return ret;
}

/* 1 stands for "there is something newer": what keeps us from knowing is another. */
static int not_known(struct err *e)
{
	if (e != NULL && e->code == ERR_FAILED)
		e->code = ERR_PRECONDITION;
	return -1;
}

int image_cmd_outdated(const struct cli *cli, int argc, char **argv, struct err *e)
{
	struct image_file_options file;
	struct image_options opts = {0};
	size_t newer, security;
	json_t *o;
	int ret = image_parse_source(argc, argv, &opts, &file, e);

	if (ret == 0)
		ret = image_outdated(NULL, &opts, &o, e);
	image_file_options_free(&file);
	if (ret < 0)
		return not_known(e);
	newer = json_array_size(json_object_get(o, "outdated"));
	security = (size_t)json_integer_value(json_object_get(o, "security"));
	ret = cli->json ? out_json(stdout, o, e) : print_outdated(o, e);
	json_decref(o);
	if (ret < 0 || newer == 0)
		return ret < 0 ? not_known(e) : 0;
	err_set(e, ERR_FAILED, "%zu package%s newer than the image's, %zu for security",
	    newer, newer == 1 ? " is" : "s are", security);
	return err_hint(e, "bhyfi image build");
}
