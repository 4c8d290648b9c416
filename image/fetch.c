#include "fetch.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "hash.h"
#include "paths.h"
#include "source.h"

#define CONNECT_S 30
#define STALL_S 60
#define REDIRECTS_MAX 5
/* Connections that broke off after some bytes are taken up again so often. */
#define ATTEMPTS_MAX 5
#define REPORT_MS 200
#define COPY_CHUNK (256 * 1024)
#define SHOW_MAX 256

struct fetch {
	CURL *curl;
	const struct steps *steps;
	size_t done, total;
	unsigned connect_s, stall_s;
	bool missing;

	/* of the transfer that runs */
	enum image_stage stage;
	const char *url, *sha256;
	char show[SHOW_MAX];
	char *part;
	int fd;
	uint64_t have;   /* bytes in the part */
	uint64_t offset; /* asked for from here */
	uint64_t max;
	uint64_t got; /* in this attempt */
	long status;
	bool range_ok, range_wrong, too_large;
	int64_t reported; /* when */
	struct err err;   /* from within a callback */
	char reason[CURL_ERROR_SIZE];
};

int fetch_open(struct fetch **out, const struct steps *steps, struct err *e)
{
	struct fetch *f = calloc(1, sizeof(*f));

	*out = f;
	if (f == NULL)
		return err_sys(e, ENOMEM, "download");
	f->steps = steps;
	f->fd = -1;
	f->connect_s = CONNECT_S;
	f->stall_s = STALL_S;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		f->curl = curl_easy_init();
	return f->curl == NULL ? err_set(e, ERR_FAILED, "download: libcurl failed") : 0;
}

void fetch_close(struct fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->curl);
	curl_global_cleanup();
	free(f);
}

void fetch_timeouts(struct fetch *f, unsigned connect_s, unsigned stall_s)
{
	f->connect_s = connect_s;
	f->stall_s = stall_s;
}

void fetch_count(struct fetch *f, size_t done, size_t total)
{
	f->done = done;
	f->total = total;
}

bool fetch_missing(const struct fetch *f)
{
	return f->missing;
}

static bool is_local(const char *url)
{
	return url[0] == '/' || strncasecmp(url, "file://", 7) == 0;
}

void fetch_show(const char *url, char *out, size_t size)
{
	const char *host = strstr(url, "://"), *end, *at = NULL;

	if (host == NULL || is_local(url)) {
		snprintf(out, size, "%s", url);
		return;
	}
	host += 3;
	end = host + strcspn(host, "/?#");
	for (const char *p = host; p < end; p++)
		if (*p == '@')
			at = p + 1;
	snprintf(out, size, "%.*s%s", (int)(host - url), url, at == NULL ? host : at);
}

int fetch_check_url(const char *what, const char *text, struct err *e)
{
	char show[SHOW_MAX];

	fetch_show(text, show, sizeof(show));
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(e, ERR_USAGE, "%s: control character", what);
	if (is_local(text))
		return 0;
	if ((strncasecmp(text, "http://", 7) == 0 && text[7] != '\0') ||
	    (strncasecmp(text, "https://", 8) == 0 && text[8] != '\0'))
		return strchr(text, ' ') == NULL
			   ? 0
			   : err_set(e, ERR_USAGE, "%s: blank in \"%s\"", what, show);
	err_set(e, ERR_USAGE, "%s: neither a URL nor an absolute path: %s", what, show);
	return err_hint(e, "http://, https://, file:// or /FOLDER");
}

/* The progress of one file: NAME and MiB so far. */
static int report(struct fetch *f, uint64_t now, uint64_t all, struct err *e)
{
	const char *name = strrchr(f->show, '/');
	int64_t t = clock_ms();
	char what[SHOW_MAX + 64];

	if (f->reported != 0 && t - f->reported < REPORT_MS)
		return 0;
	f->reported = t;
	name = name == NULL || name[1] == '\0' ? f->show : name + 1;
	if (all > 0)
		snprintf(what, sizeof(what), "%s, %.1f of %.1f MiB", name,
		    (double)now / (1 << 20), (double)all / (1 << 20));
	else
		snprintf(what, sizeof(what), "%s", name);
	return step_report(f->steps, f->stage, what, f->done, f->total, e);
}

static int on_progress(
    void *arg, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up)
{
	struct fetch *f = arg;
	uint64_t offset = f->range_ok ? f->offset : 0;

	(void)up_all;
	(void)up;
	return report(f, offset + (uint64_t)now, all > 0 ? offset + (uint64_t)all : 0,
		   &f->err) < 0;
}

/* "Content-Range: bytes FIRST-LAST/ALL" has to start where we asked. */
static bool range_starts_at(const char *value, uint64_t offset)
{
	char *end;

	value += strspn(value, " \t");
	if (strncasecmp(value, "bytes", 5) != 0 || !isblank((unsigned char)value[5]))
		return false;
	value += 5 + strspn(value + 5, " \t");
	if (!isdigit((unsigned char)*value))
		return false;
	errno = 0;
	return strtoull(value, &end, 10) == offset && *end == '-' && errno == 0;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char range[] = "Content-Range:";
	struct fetch *f = arg;
	char line[128];

	if (n >= 5 && strncmp(data, "HTTP/", 5) == 0)
		f->range_ok = false; /* the next answer, behind a redirect */
	if (n >= sizeof(range) && n < sizeof(line) &&
	    strncasecmp(data, range, sizeof(range) - 1) == 0) {
		memcpy(line, data, n);
		line[n] = '\0';
		f->range_ok = range_starts_at(line + sizeof(range) - 1, f->offset);
	}
	return n * size;
}

/* Gives the part the time of the server's file, for If-Range. Every write moves it, so
 * a program that was killed leaves a part that is not gone on with. */
static void keep_time(struct fetch *f)
{
	curl_off_t t = -1;
	struct timespec times[2];

	curl_easy_getinfo(f->curl, CURLINFO_FILETIME_T, &t);
	if (t <= 0)
		return;
	times[0] = times[1] = (struct timespec){.tv_sec = (time_t)t};
	if (f->fd < 0 || futimens(f->fd, times) < 0)
		return;
}

/* The first bytes of an answer: is it the rest of the part, or the whole file? */
static int start_body(struct fetch *f)
{
	curl_off_t length = -1;

	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->status);
	curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (f->status == 206 && (f->offset == 0 || !f->range_ok)) {
		f->range_wrong = true;
		return err_set(
		    &f->err, ERR_FAILED, "%s: another range than asked for", f->show);
	}
	if (f->status != 206 && f->have > 0) {
		if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
			return err_sys(&f->err, errno, "%s", f->part);
		f->have = 0;
	}
	if (length > 0 && (uint64_t)length > f->max - f->have) {
		f->too_large = true;
		return err_set(&f->err, ERR_FAILED, "%s: larger than %" PRIu64 " bytes",
		    f->show, f->max);
	}
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	n *= size;
	if (f->got == 0 && n > 0 && start_body(f) < 0)
		return 0;
	if (n > f->max - f->have) {
		f->too_large = true;
		err_set(&f->err, ERR_FAILED, "%s: larger than %" PRIu64 " bytes", f->show,
		    f->max);
		return 0;
	}
	if (fs_write_all(f->fd, data, n, &f->err) < 0) {
		err_prefix(&f->err, "%s", f->part);
		return 0;
	}
	f->have += n;
	f->got += n;
	return n;
}

/* A date of RFC 9110, without the locale's names. */
static void http_date(time_t t, char *out, size_t size)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&t, &tm) == NULL)
		return;
	snprintf(out, size, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
	    days + (size_t)tm.tm_wday * 3, tm.tm_mday, months + (size_t)tm.tm_mon * 3,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* What to ask for: all of it, or the rest. */
static int ask_for(struct fetch *f, struct curl_slist **headers, struct err *e)
{
	char range[32], line[96], date[64];
	struct stat st;

	f->offset = f->have;
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, NULL);
	if (f->offset == 0) {
		curl_easy_setopt(f->curl, CURLOPT_RANGE, NULL);
		return 0;
	}
	snprintf(range, sizeof(range), "%" PRIu64 "-", f->offset);
	if (curl_easy_setopt(f->curl, CURLOPT_RANGE, range) != CURLE_OK)
		return err_sys(e, ENOMEM, "%s", f->show);
	if (f->sha256 != NULL)
		return 0;
	if (fstat(f->fd, &st) < 0)
		return err_sys(e, errno, "%s", f->part);
	http_date(st.st_mtime, date, sizeof(date));
	snprintf(line, sizeof(line), "If-Range: %s", date);
	*headers = curl_slist_append(NULL, line);
	if (*headers == NULL)
		return err_sys(e, ENOMEM, "%s", f->show);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, *headers);
	return 0;
}

static void set_up(struct fetch *f)
{
	CURL *c = f->curl;

	curl_easy_reset(c); /* keeps the connections */
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)f->connect_s);
	curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)f->stall_s);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)f->stall_s);
	curl_easy_setopt(c, CURLOPT_FILETIME, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "bhyfi/" BHYFI_VERSION);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->reason);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
}

/* What curl says, as an error of ours. */
static int curl_failed(struct fetch *f, CURLcode code, struct err *e)
{
	f->missing = f->status == 404 || f->status == 410;
	if (f->err.code != ERR_NONE) {
		if (e != NULL)
			*e = f->err;
		return -1;
	}
	if (code == CURLE_HTTP_RETURNED_ERROR || code == CURLE_OK)
		return err_set(
		    e, ERR_FAILED, "%s: the server says %ld", f->show, f->status);
	return err_set(e, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_FAILED,
	    "%s: %s", f->show,
	    f->reason[0] != '\0' ? f->reason : curl_easy_strerror(code));
}

/* 0 done, 1 to be tried again (the part says from where), -1 */
static int attempt(struct fetch *f, struct err *e)
{
	struct curl_slist *headers = NULL;
	CURLcode code;

	f->got = 0;
	f->status = 0;
	f->range_ok = f->range_wrong = f->too_large = false;
	f->err = (struct err)ERR_INIT;
	f->reason[0] = '\0';
	set_up(f);
	if (lseek(f->fd, (off_t)f->have, SEEK_SET) < 0)
		return err_sys(e, errno, "%s", f->part);
	if (ask_for(f, &headers, e) < 0)
		return -1;
	code = curl_easy_setopt(f->curl, CURLOPT_URL, f->url);
	if (code == CURLE_OK)
		code = curl_easy_perform(f->curl);
	curl_slist_free_all(headers);
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->status);
	if (code == CURLE_OK && f->got == 0 && f->status == 200 && f->have > 0 &&
	    start_body(f) < 0) /* the whole file is empty */
		return curl_failed(f, code, e);
	if (code == CURLE_OK && f->status == 206 && f->got == 0)
		f->range_wrong = true;
	else if (code == CURLE_OK && (f->status == 200 || f->status == 206))
		return 0;
	if (f->sha256 == NULL && f->got > 0)
		keep_time(f);
	curl_failed(f, code, e);
	if (f->offset > 0 && (f->range_wrong || f->status == 416)) {
		f->have = 0;
		return ftruncate(f->fd, 0) < 0 ? err_sys(e, errno, "%s", f->part) : 1;
	}
	return f->got > 0 && (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
				 code == CURLE_HTTP2_STREAM)
		   ? 1
		   : -1;
}

static int download(struct fetch *f, struct err *e)
{
	int r = 1;

	for (int i = 0; i < ATTEMPTS_MAX && r == 1; i++) {
		if (i > 0 && f->sha256 == NULL && !f->range_wrong && f->status != 416) {
			curl_off_t t = -1;

			curl_easy_getinfo(f->curl, CURLINFO_FILETIME_T, &t);
			if (t <= 0)
				break; /* nothing says that it is the same file */
		}
		r = attempt(f, e);
	}
	return r == 0 ? 0 : -1;
}

/* The path that a file:// URL means; the caller's to free. */
static char *local_path(struct fetch *f, struct err *e)
{
	char *path = NULL, *decoded = NULL;
	int n = 0;

	if (f->url[0] == '/') {
		path = strdup(f->url);
	} else {
		const char *p = f->url + 7;

		if (strncasecmp(p, "localhost/", 10) == 0)
			p += 9;
		if (*p != '/') {
			err_set(e, ERR_FAILED, "%s: no absolute path", f->show);
			return NULL;
		}
		decoded = curl_easy_unescape(f->curl, p, 0, &n);
		if (decoded != NULL && strlen(decoded) == (size_t)n)
			path = strdup(decoded);
		curl_free(decoded);
	}
	if (path == NULL)
		err_set(e, ERR_FAILED, "%s: not understood", f->show);
	return path;
}

static int copy_bytes(struct fetch *f, int in, uint64_t all, struct err *e)
{
	char AUTO_FREE *chunk = malloc(COPY_CHUNK);
	ssize_t n;

	if (chunk == NULL)
		return err_sys(e, ENOMEM, "%s", f->show);
	while ((n = read(in, chunk, COPY_CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "%s", f->show);
		if ((uint64_t)n > f->max - f->have)
			return err_set(e, ERR_FAILED, "%s: larger than %" PRIu64 " bytes",
			    f->show, f->max);
		if (fs_write_all(f->fd, chunk, (size_t)n, e) < 0)
			return err_prefix(e, "%s", f->part);
		f->have += (uint64_t)n;
		if (report(f, f->have, all, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_local(struct fetch *f, struct err *e)
{
	char AUTO_FREE *path = local_path(f, e);
	int AUTO_CLOSE in = -1;
	struct stat st;

	if (path == NULL)
		return -1;
	if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "%s", f->part);
	f->have = 0;
	in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in < 0) {
		f->missing = errno == ENOENT || errno == ENOTDIR;
		return err_sys(e, errno, "%s", f->show);
	}
	if (fstat(in, &st) < 0)
		return err_sys(e, errno, "%s", f->show);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", f->show);
	return copy_bytes(f, in, (uint64_t)st.st_size, e);
}

static int open_part(struct fetch *f, const char *path, struct err *e)
{
	struct stat st;

	if (asprintf(&f->part, "%s.part", path) < 0) {
		f->part = NULL;
		return err_sys(e, ENOMEM, "%s", path);
	}
	f->fd = open(f->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return err_sys(e, errno, "%s", f->part);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", f->part);
	f->have = (uint64_t)st.st_size;
	if (f->have > f->max) {
		f->have = 0;
		if (ftruncate(f->fd, 0) < 0)
			return err_sys(e, errno, "%s", f->part);
	}
	return 0;
}

static int part_hash(struct fetch *f, char hex[HASH_HEX], struct err *e)
{
	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "%s", f->part);
	return hash_fd(f->fd, f->part, hex, e);
}

/* Whether the part is what is wanted: 0, 1 where not, -1. */
static int part_right(struct fetch *f, struct err *e)
{
	char hex[HASH_HEX];

	if (f->sha256 == NULL)
		return 0;
	if (part_hash(f, hex, e) < 0)
		return -1;
	if (strcasecmp(hex, f->sha256) == 0)
		return 0;
	err_set(e, ERR_FAILED, "%s: wrong hash: %.12s... instead of %.12s...", f->show,
	    hex, f->sha256);
	return 1;
}

/* Fills the part and says whether it is right: 0, 1, -1. */
static int fill(struct fetch *f, struct err *e)
{
	uint64_t before = f->have;
	int r;

	if (is_local(f->url))
		return copy_local(f, e) < 0 ? -1 : part_right(f, e);
	if (before > 0 && f->sha256 != NULL && (r = part_right(f, e)) <= 0)
		return r; /* whole already, only not renamed */
	if (download(f, e) < 0)
		return -1;
	r = part_right(f, e);
	if (r == 1 && before > 0) { /* the old part may be to blame */
		if (ftruncate(f->fd, 0) < 0)
			return err_sys(e, errno, "%s", f->part);
		f->have = 0;
		r = download(f, e) < 0 ? -1 : part_right(f, e);
	}
	return r;
}

/* A part is worth keeping if what comes behind it can be had. */
static bool resumable(struct fetch *f)
{
	struct stat st;

	if (is_local(f->url) || f->have == 0 || f->too_large)
		return false;
	if (f->sha256 != NULL)
		return true;
	/* keep_time gave it the server's time; a fresh one is the clock's own. */
	return f->fd >= 0 && fstat(f->fd, &st) == 0 && st.st_mtime < time(NULL) - 1;
}

static int finish(struct fetch *f, const char *path, int r, struct err *e)
{
	if (r == 0 && (fsync(f->fd) < 0 || rename(f->part, path) < 0))
		r = err_sys(e, errno, "%s", path);
	if (f->part != NULL && f->fd >= 0 && (r > 0 || (r < 0 && !resumable(f))))
		unlink(f->part);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	free(f->part);
	f->part = NULL;
	return r == 0 ? 0 : -1;
}

int fetch_file(struct fetch *f, enum image_stage stage, const char *url, const char *path,
    uint64_t max, const char *sha256, struct err *e)
{
	char hex[HASH_HEX];
	int r;

	f->missing = false;
	f->stage = stage;
	f->url = url;
	f->sha256 = sha256;
	f->max = max;
	f->have = 0;
	f->too_large = false;
	f->reported = 0;
	fetch_show(url, f->show, sizeof(f->show));
	if (sha256 != NULL && access(path, F_OK) == 0 &&
	    hash_file(path, hex, NULL) == 0 && strcasecmp(hex, sha256) == 0)
		return 0;
	if (fetch_check_url("download", url, e) < 0 || report(f, 0, 0, e) < 0)
		return -1;
	r = open_part(f, path, e);
	if (r == 0)
		r = fill(f, e);
	return finish(f, path, r, e);
}
