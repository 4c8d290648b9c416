/*
 * Downloads by libcurl, for the sources that do without the distribution's own tools.
 *
 * A file grows as PATH.part and gets its name only when it is whole and, where its hash
 * is known, right. What a download that broke off left in PATH.part is gone on with: by
 * its hash where that is known; else only if the server says that its file is still the
 * one of the time that PATH.part carries (If-Range with Last-Modified). Redirects lead
 * to http and https only, five at most. Proxies come from the environment, as curl(1)
 * takes them.
 */
#ifndef BHYFI_IMAGE_FETCH_H
#define BHYFI_IMAGE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "image.h"

struct steps;

struct fetch; /* one set of connections */

/* steps: told how far it is, and asked whether to go on; NULL: neither. It has to live
 * as long as *f. */
int fetch_open(struct fetch **f, const struct steps *steps, struct err *e);
void fetch_close(struct fetch *f);

/* Instead of 30 s for a connection and 60 s without a byte. */
void fetch_timeouts(struct fetch *f, unsigned connect_s, unsigned stall_s);

/* Which of how many files comes next: passed on with each report. */
void fetch_count(struct fetch *f, size_t done, size_t total);

/*
 * url: http(s)://, file:// or a local file's absolute path; into path, whose folder
 * exists. At most max bytes. sha256: in hex, or NULL where it is not known; a file with
 * that hash which is at path already is left as it is. Upon failure path is
 * as it was; path.part stays only if it can be gone on with. Errors name the URL
 * without user and password.
 */
int fetch_file(struct fetch *f, enum image_stage stage, const char *url, const char *path,
    uint64_t max, const char *sha256, struct err *e);

/* Whether the last fetch_file failed because there is no such file (404, 410, ENOENT). */
bool fetch_missing(const struct fetch *f);

/* Whether text is a URL or an absolute path that fetch_file takes; else a usage error
 * that starts with `what`. */
int fetch_check_url(const char *what, const char *text, struct err *e);

/* url without "user:password@", for messages. */
void fetch_show(const char *url, char *out, size_t size);

#endif
