#include "debrelease.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cleanup.h"
#include "deb.h"

/* A clock that is a little behind is no reason to refuse a fresh file. */
#define FUTURE_S (24 * 3600)
#define INDEX_MAX (128u << 20)

static const char *const components[] = {
    "main", "contrib", "non-free-firmware", "non-free"};

int deb_date_parse(const char *text, int64_t *seconds)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	char month[4], zone[6];
	int day, year, hour, minute, second, end = 0;
	const char *m;
	time_t t;

	if (strchr(text, ',') == NULL || strlen(text) > 64)
		return -1;
	if (sscanf(strchr(text, ',') + 1, " %2d %3[A-Za-z] %4d %2d:%2d:%2d %5[A-Z0-9+]%n",
		&day, month, &year, &hour, &minute, &second, zone, &end) != 7 ||
	    strchr(text, ',')[1 + end] != '\0')
		return -1;
	m = strstr(months, month);
	if (strlen(month) != 3 || m == NULL || (m - months) % 3 != 0 || day < 1 ||
	    day > 31 || year < 1990 || year > 9999 || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 60 ||
	    (strcmp(zone, "UTC") != 0 && strcmp(zone, "GMT") != 0 &&
		strcmp(zone, "+0000") != 0))
		return -1;
	tm.tm_mday = day;
	tm.tm_mon = (int)(m - months) / 3;
	tm.tm_year = year - 1900;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	t = timegm(&tm);
	if (t == (time_t)-1)
		return -1;
	*seconds = t;
	return 0;
}

static int copy_field(
    const char *text, size_t len, const char *name, char *out, size_t size, struct err *e)
{
	char AUTO_FREE *value = NULL;

	out[0] = '\0';
	if (deb_field(text, len, name, &value, e) < 0)
		return -1;
	if (value == NULL)
		return 0;
	if (strlen(value) >= size)
		return err_set(e, ERR_FAILED, "%s: too long", name);
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

static int date_field(
    const char *text, size_t len, const char *name, int64_t *seconds, struct err *e)
{
	char value[80];

	*seconds = 0;
	if (copy_field(text, len, name, value, sizeof(value), e) < 0)
		return -1;
	if (value[0] != '\0' && deb_date_parse(value, seconds) < 0)
		return err_set(e, ERR_FAILED, "%s: not a date: %s", name, value);
	return 0;
}

/* Whether a path is COMPONENT/binary-amd64/Packages.xz or .gz of ours. */
static bool is_index(const char *path, size_t len, struct deb_release_file *f)
{
	for (size_t i = 0; i < ARRAY_LEN(components); i++)
		for (int xz = 0; xz < 2; xz++) {
			snprintf(f->path, sizeof(f->path), "%s/binary-amd64/Packages.%s",
			    components[i], xz ? "xz" : "gz");
			if (strlen(f->path) != len || strncmp(f->path, path, len) != 0)
				continue;
			snprintf(f->component, sizeof(f->component), "%s", components[i]);
			f->xz = xz;
			return true;
		}
	return false;
}

static struct deb_release_file *find(struct deb_release *r, const char *component)
{
	for (size_t i = 0; i < r->file_count; i++)
		if (strcmp(r->files[i].component, component) == 0)
			return &r->files[i];
	return NULL;
}

static void remove_file(struct deb_release *r, struct deb_release_file *f)
{
	size_t after = r->file_count - (size_t)(f - r->files) - 1;

	memmove(f, f + 1, after * sizeof(*f));
	r->file_count--;
}

/* " HASH SIZE PATH", of which the line is len long. */
static int take_hash(struct deb_release *r, const char *line, size_t len, struct err *e)
{
	struct deb_release_file f = {.xz = false}, *old;
	const char *end = line + len, *p = line;
	char *stop;

	while (p < end && isblank((unsigned char)*p))
		p++;
	for (size_t i = 0; i < 64; i++, p++) {
		if (p >= end || !isxdigit((unsigned char)*p))
			return err_set(e, ERR_FAILED, "SHA256: not a hash");
		f.sha256[i] = (char)tolower((unsigned char)*p);
	}
	while (p < end && isblank((unsigned char)*p))
		p++;
	if (p >= end || !isdigit((unsigned char)*p))
		return err_set(e, ERR_FAILED, "SHA256: no size");
	f.size = strtoull(p, &stop, 10);
	p = stop;
	while (p < end && isblank((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	if (!is_index(p, (size_t)(end - p), &f))
		return 0;
	if (f.size == 0 || f.size > INDEX_MAX)
		return err_set(e, ERR_FAILED, "%s: bad size", f.path);
	old = find(r, f.component);
	if (old != NULL && old->xz == f.xz)
		return err_set(e, ERR_FAILED, "%s: twice", f.path);
	if (old != NULL && old->xz)
		return 0;
	if (old == NULL)
		old = &r->files[r->file_count++];
	*old = f;
	return 0;
}

/* The lines of the SHA256 field. MD5Sum and SHA1 are not looked at. */
static int take_hashes(struct deb_release *r, const char *text, size_t len, struct err *e)
{
	const char *p = text, *end = text + len;
	bool inside = false, seen = false;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl == NULL ? (size_t)(end - p) : (size_t)(nl - p);

		if (n == 0)
			break; /* the end of the paragraph */
		if (*p != ' ' && *p != '\t') {
			inside = n >= 7 && strncasecmp(p, "SHA256:", 7) == 0;
			if (inside && seen)
				return err_set(e, ERR_FAILED, "SHA256: twice");
			seen |= inside;
		} else if (inside && take_hash(r, p, n, e) < 0) {
			return -1;
		}
		p += n + (nl != NULL);
	}
	return seen ? 0 : err_set(e, ERR_FAILED, "no SHA256 hashes");
}

int deb_release_parse(const char *text, size_t len, struct deb_release *r, struct err *e)
{
	char by_hash[16];
	struct deb_release_file *f;

	*r = (struct deb_release){.date = 0};
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_FAILED, "NUL byte");
	if (copy_field(text, len, "Suite", r->suite, sizeof(r->suite), e) < 0 ||
	    copy_field(text, len, "Codename", r->codename, sizeof(r->codename), e) < 0 ||
	    copy_field(text, len, "Acquire-By-Hash", by_hash, sizeof(by_hash), e) < 0 ||
	    date_field(text, len, "Date", &r->date, e) < 0 ||
	    date_field(text, len, "Valid-Until", &r->valid_until, e) < 0 ||
	    take_hashes(r, text, len, e) < 0)
		return -1;
	r->by_hash = strcasecmp(by_hash, "yes") == 0;
	if (r->date == 0)
		return err_set(e, ERR_FAILED, "no Date");
	if (find(r, "main") == NULL)
		return err_set(e, ERR_FAILED, "no packages for amd64");
	f = find(r, "non-free-firmware") == NULL ? NULL : find(r, "non-free");
	if (f != NULL)
		remove_file(r, f);
	return 0;
}

int deb_release_expired(const struct deb_release *r, int64_t now, struct err *e)
{
	if (r->valid_until == 0 || now <= r->valid_until)
		return 0;
	err_set(e, ERR_FAILED, "expired %lld hours ago (Valid-Until)",
	    (long long)(now - r->valid_until) / 3600);
	return err_hint(e, "the mirror is out of date, or this machine's clock is wrong");
}

int deb_release_check(
    const struct deb_release *r, const char *suite, int64_t now, struct err *e)
{
	if (strcmp(r->suite, suite) != 0 && strcmp(r->codename, suite) != 0)
		return err_set(e, ERR_FAILED, "is %s (%s), not %s",
		    r->codename[0] == '\0' ? "unnamed" : r->codename,
		    r->suite[0] == '\0' ? "no suite" : r->suite, suite);
	if (r->date > now + FUTURE_S) {
		err_set(e, ERR_FAILED, "made %lld hours from now",
		    (long long)(r->date - now) / 3600);
		return err_hint(e, "this machine's clock is wrong, or the file is");
	}
	return deb_release_expired(r, now, e);
}
