/*
 * Which packages a list of wishes comes to: each with all that it depends on, none that
 * excludes another. By the rules of apk-package(5) and apk-world(5):
 *
 * - one package for each name; a name that is provided with a version counts as one,
 * - a name that is provided without a version is chosen by itself only with a
 *   provider_priority; else it is met where something else brings its provider,
 * - of several the one with the newest version of the name, then the highest priority,
 *   then the one of the first repository,
 * - a package whose install_if is met comes along where it can.
 */
#ifndef BHYFI_IMAGE_APK_SOLVE_H
#define BHYFI_IMAGE_APK_SOLVE_H

#include "apk.h"

#define APK_CHOSEN_MAX 4000
#define APK_STEPS_MAX 200000

struct apk_solution {
	size_t *v; /* indexes of packages, in the order in which they were chosen */
	size_t n;
};

/* apk_solution_free in any case. */
int apk_solve(const struct apk_index *x, const struct apk_dep *wishes, size_t n,
    struct apk_solution *out, struct err *e);
void apk_solution_free(struct apk_solution *s);

#define APK_NO_PACKAGE ((size_t)-1)

/* The package of the solution that meets a dependency. */
size_t apk_solution_provider(
    const struct apk_index *x, const struct apk_solution *s, const struct apk_dep *d);

#endif
