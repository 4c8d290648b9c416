/* Where things live, from the prefix at build time (meson.build). */
#ifndef BHYFI_PATHS_H
#define BHYFI_PATHS_H

#include "build-config.h"

#define PATH_ETC BHYFI_ETC /* INSTANCE.conf */
#define PATH_RUN BHYFI_RUN /* INSTANCE/: sockets and state */
#define PATH_DB BHYFI_DB   /* images/, cache/ */
#define PATH_IMAGES PATH_DB "/images"
#define PATH_SBIN BHYFI_SBIN       /* bhyfid */
#define PATH_SHARE BHYFI_SHARE     /* data files */
#define PATH_LIBEXEC BHYFI_LIBEXEC /* the guest's static programs, air/ */

#endif
