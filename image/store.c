#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "manifest.h"
#include "store-parts.h"

#define TRIES ".tries"
#define LINE_MAX_BYTES 1024

bool store_of(const char *image, char *dir, size_t size)
{
	const char *slash = strrchr(image, '/');
	struct stat st;
	int n;

	if (slash == NULL || slash == image || strcmp(slash, "/current") != 0)
		return false;
	/* An image that somebody keeps in a folder of that name. */
	if (lstat(image, &st) == 0 && !S_ISLNK(st.st_mode))
		return false;
	n = snprintf(dir, size, "%.*s", (int)(slash - image), image);
	return n > 0 && (size_t)n < size;
}

bool store_id_ok(const char *id)
{
	static const char *const names[] = {
	    "current", "candidate", "good", "previous", "refused"};
	size_t n = strlen(id);

	if (n == 0 || n >= STORE_ID_MAX || id[0] == '.')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(id, names[i]) == 0)
			return false;
	for (; *id != '\0'; id++)
		if (!isalnum((unsigned char)*id) && strchr("._+~-", *id) == NULL)
			return false;
	return true;
}

bool store_has(const char *dir, const char *id)
{
	char AUTO_FREE *path = NULL;

	if (asprintf(&path, "%s/%s/" MANIFEST_NAME, dir, id) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) == 0;
}

/* Where a link leads; "" for one that is not there, leads to nothing or elsewhere. */
static int read_link(const char *dir, const char *name, char *id, struct err *e)
{
	char AUTO_FREE *path = NULL;
	ssize_t n;

	id[0] = '\0';
	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "%s", dir);
	}
	n = readlink(path, id, STORE_ID_MAX - 1);
	if (n < 0) {
		id[0] = '\0';
		return errno == ENOENT || errno == EINVAL ? 0
							  : err_sys(e, errno, "%s", path);
	}
	id[n] = '\0';
	if (!store_id_ok(id) || !store_has(dir, id))
		id[0] = '\0';
	return 0;
}

int store_links(const char *dir, struct store *s, struct err *e)
{
	if (read_link(dir, "current", s->current, e) < 0 ||
	    read_link(dir, "candidate", s->candidate, e) < 0 ||
	    read_link(dir, "good", s->good, e) < 0)
		return -1;
	return read_link(dir, "previous", s->previous, e);
}

static char *refused_path(const char *dir, const char *id)
{
	char *path;

	return asprintf(&path, "%s/refused/%s", dir, id) < 0 ? NULL : path;
}

static bool is_refused(const char *dir, const char *id)
{
	char AUTO_FREE *path = refused_path(dir, id);

	return id[0] != '\0' && path != NULL && access(path, F_OK) == 0;
}

char *store_refusal(const char *dir, const char *id)
{
	char AUTO_FREE *path = refused_path(dir, id);
	char *text = NULL;

	if (path == NULL || access(path, F_OK) < 0)
		return NULL;
	if (fs_read_file(path, LINE_MAX_BYTES, &text, NULL, NULL) < 0)
		return strdup("refused");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The three rules of store.h; says what it means for the links. */
static void settle(const char *dir, struct store *s)
{
	const char *other;

	if (s->candidate[0] != '\0' && strcmp(s->candidate, s->current) == 0) {
		if (s->good[0] != '\0' && strcmp(s->good, s->current) != 0)
			memcpy(s->previous, s->good, sizeof(s->previous));
		memcpy(s->good, s->current, sizeof(s->good));
		s->candidate[0] = '\0';
	}
	if (is_refused(dir, s->candidate))
		s->candidate[0] = '\0';
	if (is_refused(dir, s->current)) {
		other = s->good[0] != '\0' && !is_refused(dir, s->good) ? s->good
									: s->previous;
		if (other[0] != '\0' && !is_refused(dir, other))
			memmove(s->current, other, sizeof(s->current));
	}
	if (is_refused(dir, s->good) && !is_refused(dir, s->current))
		memcpy(s->good, s->current, sizeof(s->good));
	if (strcmp(s->previous, s->current) == 0)
		s->previous[0] = '\0';
}

int store_read(const char *dir, struct store *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	if (store_links(dir, s, e) < 0)
		return -1;
	settle(dir, s);
	return 0;
}

const char *store_next(const struct store *s)
{
	return s->candidate[0] != '\0' ? s->candidate : s->current;
}

const char *store_fallback(const struct store *s, const char *id)
{
	if (strcmp(id, s->candidate) == 0)
		return s->current;
	if (strcmp(id, s->current) == 0 && strcmp(id, s->good) != 0)
		return s->good;
	return "";
}

int store_lock(const char *dir, struct err *e)
{
	char AUTO_FREE *path = NULL;
	int fd, r;

	if (asprintf(&path, "%s/.lock", dir) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "%s", dir);
	}
	/* Nobody else may hold it: the daemon waits for it. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_sys(e, errno, "%s", path);
		return geteuid() != 0 ? err_hint(e, "as root") : -1;
	}
	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return fd;
	err_sys(e, errno, "%s", path);
	close(fd);
	return -1;
}

static int set_link(const char *dir, const char *name, const char *id, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *fresh = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "%s", dir);
	}
	if (asprintf(&fresh, "%s/.%s.new", dir, name) < 0) {
		fresh = NULL;
		return err_sys(e, ENOMEM, "%s", dir);
	}
	if (id[0] == '\0')
		return unlink(path) == 0 || errno == ENOENT
			   ? 0
			   : err_sys(e, errno, "%s", path);
	/* Left by one that was killed: the lock is ours. */
	if (unlink(fresh) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", fresh);
	if (symlink(id, fresh) < 0)
		return err_sys(e, errno, "%s", fresh);
	if (rename(fresh, path) == 0)
		return 0;
	err_sys(e, errno, "%s", path);
	unlink(fresh);
	return -1;
}

/* Makes the links as settle() says, in an order that can be cut off anywhere: while the
 * candidate is still current, or the current one still refused, it is begun anew. */
static int settle_links(const char *dir, struct store *s, struct err *e)
{
	struct store now = {.current = ""};

	if (store_links(dir, &now, e) < 0)
		return -1;
	*s = now;
	settle(dir, s);
	if (strcmp(s->current, now.current) != 0 &&
	    set_link(dir, "current", s->current, e) < 0)
		return -1;
	if (strcmp(s->previous, now.previous) != 0 && s->previous[0] != '\0' &&
	    set_link(dir, "previous", s->previous, e) < 0)
		return -1;
	if (strcmp(s->good, now.good) != 0 && set_link(dir, "good", s->good, e) < 0)
		return -1;
	if (s->candidate[0] == '\0' && set_link(dir, "candidate", "", e) < 0)
		return -1;
	return s->previous[0] == '\0' ? set_link(dir, "previous", "", e) : 0;
}

/* Locks and settles: the lock, to be closed. */
static int begin(const char *dir, struct store *s, struct err *e)
{
	int fd = store_lock(dir, e);

	if (fd >= 0 && settle_links(dir, s, e) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int store_settle(const char *dir, struct err *e)
{
	struct store s;
	int AUTO_CLOSE lock = begin(dir, &s, e);

	return lock < 0 ? -1 : 0;
}

static int put_refusal(const char *dir, const char *id, const char *why, struct err *e)
{
	char AUTO_FREE *path = refused_path(dir, id);
	char AUTO_FREE *folder = refused_path(dir, "");

	if (path == NULL || folder == NULL)
		return err_sys(e, ENOMEM, "%s", dir);
	if (fs_mkdir_p(folder, 0755, e) < 0)
		return -1;
	return fs_write_atomic(path, 0644, why, strlen(why), e);
}

static int drop_refusal(const char *dir, const char *id, struct err *e)
{
	char AUTO_FREE *path = refused_path(dir, id);

	if (path == NULL)
		return err_sys(e, ENOMEM, "%s", dir);
	return unlink(path) == 0 || errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
}

/* The first has nothing before it, and has to prove itself for what comes after. */
static int publish_first(const char *dir, const char *id, struct err *e)
{
	if (set_link(dir, "candidate", "", e) < 0 || drop_refusal(dir, id, e) < 0)
		return -1;
	return set_link(dir, "current", id, e);
}

static int publish_at_once(
    const char *dir, const struct store *s, const char *id, struct err *e)
{
	if (set_link(dir, "candidate", "", e) < 0 || drop_refusal(dir, id, e) < 0)
		return -1;
	if (s->good[0] != '\0' && strcmp(s->good, id) != 0 &&
	    set_link(dir, "previous", s->good, e) < 0)
		return -1;
	return set_link(dir, "current", id, e) < 0 ? -1 : set_link(dir, "good", id, e);
}

int store_publish(
    const char *dir, const char *id, bool at_once, enum store_place *place, struct err *e)
{
	struct store s;
	int AUTO_CLOSE lock = begin(dir, &s, e);

	if (lock < 0)
		return -1;
	*place = STORE_CURRENT;
	if (at_once)
		return publish_at_once(dir, &s, id, e);
	if (s.current[0] == '\0')
		return publish_first(dir, id, e);
	/* What was built last counts: an older candidate is none any more. */
	if (strcmp(s.current, id) == 0)
		return set_link(dir, "candidate", "", e);
	if (is_refused(dir, id)) {
		*place = STORE_REFUSED;
		return 0;
	}
	*place = STORE_CANDIDATE;
	return set_link(dir, "candidate", id, e);
}

static char *tries_path(const char *dir, struct err *e)
{
	char *path;

	if (asprintf(&path, "%s/" TRIES, dir) >= 0)
		return path;
	err_sys(e, ENOMEM, "%s", dir);
	return NULL;
}

int store_try(const char *dir, const char *id, struct err *e)
{
	char AUTO_FREE *path = tries_path(dir, e);
	char AUTO_FREE *text = NULL;
	char line[STORE_ID_MAX + 16];
	size_t n = strlen(id);
	unsigned tries = 0;
	int AUTO_CLOSE lock = path == NULL ? -1 : store_lock(dir, e);

	if (lock < 0)
		return -1;
	if (fs_read_file(path, sizeof(line), &text, NULL, NULL) == 0 &&
	    strncmp(text, id, n) == 0 && text[n] == ' ' &&
	    isdigit((unsigned char)text[n + 1]))
		tries = (unsigned)(text[n + 1] - '0');
	if (tries >= STORE_TRIES_MAX)
		return 1;
	snprintf(line, sizeof(line), "%s %u\n", id, tries + 1);
	return fs_write_atomic(path, 0644, line, strlen(line), e);
}

int store_untry(const char *dir, struct err *e)
{
	char AUTO_FREE *path = tries_path(dir, e);

	if (path == NULL)
		return -1;
	return unlink(path) == 0 || errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
}

int store_proved(const char *dir, const char *id, struct err *e)
{
	struct store s;
	int AUTO_CLOSE lock = begin(dir, &s, e);

	if (lock < 0)
		return -1;
	if (strcmp(id, s.candidate) == 0) {
		/* Where no image was ever good, the one before is what was current. */
		if (s.good[0] == '\0' && set_link(dir, "previous", s.current, e) < 0)
			return -1;
		/* From this step on it has proved itself; the others can be done later.
		 */
		if (set_link(dir, "current", id, e) < 0 || settle_links(dir, &s, e) < 0)
			return -1;
	} else if (strcmp(id, s.current) == 0 && strcmp(id, s.good) != 0) {
		if ((s.good[0] != '\0' && set_link(dir, "previous", s.good, e) < 0) ||
		    set_link(dir, "good", id, e) < 0)
			return -1;
	} else {
		return 0;
	}
	return store_untry(dir, e) < 0 ? -1 : 1;
}

int store_refuse(const char *dir, const char *id, const char *why, struct err *e)
{
	struct store s;
	int AUTO_CLOSE lock = begin(dir, &s, e);

	if (lock < 0)
		return -1;
	if (store_fallback(&s, id)[0] == '\0')
		return 0;
	if (put_refusal(dir, id, why, e) < 0 || settle_links(dir, &s, e) < 0)
		return -1;
	return store_untry(dir, e) < 0 ? -1 : 1;
}

int store_acquit(const char *dir, const char *id, struct err *e)
{
	struct store s;
	int AUTO_CLOSE lock = begin(dir, &s, e);

	if (lock < 0)
		return -1;
	if (!is_refused(dir, id) || !store_has(dir, id))
		return 0;
	if (drop_refusal(dir, id, e) < 0)
		return -1;
	return s.candidate[0] == '\0' ? set_link(dir, "candidate", id, e) : 0;
}

static int back_to(const char *dir, const struct store *s, const char *id, struct err *e)
{
	struct store after;

	/* First the candidate: one that is current would count as proved. From the third
	 * step on the old one is not started any more. */
	if (set_link(dir, "candidate", "", e) < 0 || drop_refusal(dir, id, e) < 0 ||
	    set_link(dir, "current", id, e) < 0)
		return -1;
	if (put_refusal(dir, s->current, "rolled back by hand\n", e) < 0)
		return -1;
	return settle_links(dir, &after, e);
}

int store_rollback(const char *dir, const char *id, char now[STORE_ID_MAX], struct err *e)
{
	struct store s;
	int AUTO_CLOSE lock = begin(dir, &s, e);

	if (lock < 0)
		return -1;
	if (id == NULL && s.candidate[0] != '\0') {
		memcpy(now, s.current, STORE_ID_MAX);
		return put_refusal(dir, s.candidate, "rolled back by hand\n", e) < 0
			   ? -1
			   : settle_links(dir, &s, e);
	}
	if (id == NULL)
		id = s.good[0] != '\0' && strcmp(s.good, s.current) != 0 ? s.good
									 : s.previous;
	if (id[0] == '\0')
		return err_set(e, ERR_PRECONDITION,
		    "image rollback: there is no image before the current one");
	if (!store_id_ok(id) || !store_has(dir, id)) {
		err_set(e, ERR_PRECONDITION, "image rollback: no image %s", id);
		return err_hint(e, "bhyfi image info --all lists them");
	}
	if (strcmp(id, s.current) == 0 && s.candidate[0] == '\0')
		return err_set(e, ERR_PRECONDITION,
		    "image rollback: %s is the current one already", id);
	snprintf(now, STORE_ID_MAX, "%s", id);
	if (strcmp(id, s.current) == 0)
		return put_refusal(dir, s.candidate, "rolled back by hand\n", e) < 0
			   ? -1
			   : settle_links(dir, &s, e);
	return back_to(dir, &s, id, e);
}
