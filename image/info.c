/* What is in an image, file by file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "manifest.h"

/* The larger one first. */
static int by_size(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	json_int_t m = json_integer_value(json_object_get(x, "size"));
	json_int_t n = json_integer_value(json_object_get(y, "size"));
	const char *p = json_string_value(json_object_get(x, "path"));
	const char *q = json_string_value(json_object_get(y, "path"));

	if (m != n)
		return m < n ? 1 : -1;
	return strcmp(p == NULL ? "" : p, q == NULL ? "" : q);
}

/* Appends references to the entries of one archive that are no folders. */
static int take(json_t **v, size_t *n, json_t *list, const char *archive)
{
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		const char *type = json_string_value(json_object_get(o, "type"));

		if (!json_is_object(o) || type == NULL || strcmp(type, "folder") == 0)
			continue;
		if (json_object_set_new(o, "archive", json_string(archive)) != 0)
			return -1;
		v[(*n)++] = o;
	}
	return 0;
}

int image_files(const char *dir, json_t **files, struct err *e)
{
	struct image img = {0};
	json_t *m = NULL, *list, **v = NULL;
	const char *archive;
	size_t n = 0, most = 0;
	int r = -1;

	*files = NULL;
	if (image_open(dir, &img, e) < 0 || (m = manifest_read(img.dir, e)) == NULL)
		goto out;
	json_object_foreach (json_object_get(m, "files"), archive, list)
		most += json_array_size(list);
	v = calloc(most + 1, sizeof(json_t *));
	*files = json_array();
	r = v == NULL || *files == NULL ? err_sys(e, ENOMEM, "image") : 0;
	json_object_foreach (json_object_get(m, "files"), archive, list)
		if (r == 0 && take(v, &n, list, archive) < 0)
			r = err_sys(e, ENOMEM, "image");
	if (n > 1)
		qsort(v, n, sizeof(json_t *), by_size);
	for (size_t i = 0; i < n && r == 0; i++)
		if (json_array_append(*files, v[i]) != 0)
			r = err_sys(e, ENOMEM, "image");
out:
	if (r < 0) {
		json_decref(*files);
		*files = NULL;
	}
	free(v);
	json_decref(m);
	image_close(&img);
	return r;
}
