/* A repository in Alpine's format whose packages are made of this machine's own: a kernel
 * with compressed modules, the programs of the guest, a package for each library. */
#ifndef BHYFI_TEST_ALPINE_MIRROR_H
#define BHYFI_TEST_ALPINE_MIRROR_H

#include "../unit/apk-repo.h"

/* Fills an open, empty repository, and writes its index. */
void alpine_mirror_fill(struct apk_repo *r);

#endif
