/*
 * Theory of operation. The parser (networks.c) says where each network's lines begin
 * and end; everything here copies the text around those places. What was made is parsed
 * once more before anybody gets it: a file that the guest would refuse is never written.
 */
#include "networks-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"
#include "fs.h"
#include "networks.h"

void networks_text_free(struct networks_text *t)
{
	if (t->text != NULL)
		explicit_bzero(t->text, t->len);
	free(t->text);
	*t = (struct networks_text){NULL, 0};
}

/* A text that grows; the room is known before, so that no copy of a secret is left
 * behind by realloc. */
struct maker {
	struct networks_text out;
	size_t size;
};

static int maker_init(struct maker *m, size_t size, const char *name, struct err *e)
{
	m->size = size + 1;
	m->out.len = 0;
	m->out.text = malloc(m->size);
	return m->out.text != NULL ? 0 : err_sys(e, ENOMEM, "%s", name);
}

static void add(struct maker *m, const char *text, size_t len)
{
	if (len >= m->size - m->out.len)
		len = m->size - m->out.len - 1;
	if (len > 0)
		memcpy(m->out.text + m->out.len, text, len);
	m->out.len += len;
}

static void add_text(struct maker *m, const char *text)
{
	add(m, text, strlen(text));
}

/* A new block begins on a line of its own. */
static void add_gap(struct maker *m)
{
	if (m->out.len == 0)
		return;
	if (m->out.text[m->out.len - 1] != '\n')
		add_text(m, "\n");
	if (m->out.len < 2 || m->out.text[m->out.len - 2] != '\n')
		add_text(m, "\n");
}

/* What was made, checked; it is freed on failure. */
static int finish(
    struct maker *m, const char *name, struct networks_text *out, struct err *e)
{
	struct networks n;

	m->out.text[m->out.len] = '\0';
	if (networks_parse(m->out.text, m->out.len, name, &n, e) < 0) {
		networks_text_free(&m->out);
		return -1;
	}
	networks_free(&n);
	*out = m->out;
	return 0;
}

/* Whether a line of a block (len bytes without its newline) sets the key. */
static bool sets_key(const char *line, size_t len, const char *key)
{
	size_t n = strlen(key);

	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	return len > n && memcmp(line, key, n) == 0 && line[n] == '=';
}

static void add_key(
    struct maker *m, const struct network_key *k, const char *indent, size_t indent_len)
{
	if (k->value == NULL)
		return;
	add(m, indent, indent_len);
	add_text(m, k->key);
	add_text(m, "=");
	add_text(m, k->value);
	add_text(m, "\n");
}

/* The block's lines with the keys set: each in its place, new ones at the end. */
static void add_changed(struct maker *m, const char *block, size_t len,
    const struct network_key *keys, size_t n)
{
	const char *end = block + len, *next, *indent = "\t";
	size_t indent_len = 1;
	bool done[32] = {false};

	for (const char *s = block; s < end; s = next) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t line = (size_t)((nl != NULL ? nl : end) - s);
		size_t blanks = strspn(s, " \t"), k = 0;

		next = s + line + (nl != NULL);
		if (s != block && blanks < line && s[blanks] != '}') {
			indent = s;
			indent_len = blanks;
		}
		if (blanks < line && s[blanks] == '}' && next >= end)
			for (size_t i = 0; i < n; i++)
				if (!done[i])
					add_key(m, &keys[i], indent, indent_len);
		while (k < n && !sets_key(s, line, keys[k].key))
			k++;
		if (k == n) {
			add(m, s, (size_t)(next - s));
		} else if (!done[k]) {
			done[k] = true;
			add_key(m, &keys[k], s, blanks);
		}
	}
}

static void add_new(struct maker *m, const uint8_t *ssid, size_t ssid_len,
    const struct network_key *keys, size_t n)
{
	char value[SSID_VALUE_SIZE], shown[ESCAPE_SIZE(SSID_MAX)];

	add_gap(m);
	add_text(m, "network={\n");
	ssid_value_text(ssid, ssid_len, value);
	if (value[0] != '"') {
		escape_text((const char *)ssid, ssid_len, shown, sizeof(shown));
		add_text(m, "\t# ");
		add_text(m, shown);
		add_text(m, "\n");
	}
	add_text(m, "\tssid=");
	add_text(m, value);
	add_text(m, "\n");
	for (size_t i = 0; i < n; i++)
		add_key(m, &keys[i], "\t", 1);
	add_text(m, "}\n");
}

static size_t keys_size(const struct network_key *keys, size_t n, size_t text_len)
{
	size_t size = 512;

	/* An indentation may be as long as the text is. */
	for (size_t i = 0; i < n; i++)
		if (keys[i].value != NULL)
			size += strlen(keys[i].key) + strlen(keys[i].value) + 3 +
				(text_len < 256 ? text_len : 256);
	return size;
}

static int check_keys(
    const struct network_key *keys, size_t n, const char *name, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].value != NULL &&
		    keys[i].value[strcspn(keys[i].value, "\r\n")] != '\0')
			return err_set(e, ERR_FAILED, "%s: %s: a value of several lines",
			    name, keys[i].key);
	return n <= 32 ? 0 : err_set(e, ERR_FAILED, "%s: too many keys", name);
}

int networks_set(const struct networks_text *in, const char *name, const uint8_t *ssid,
    size_t ssid_len, const struct network_key *keys, size_t n, struct networks_text *out,
    struct err *e)
{
	const struct network *net;
	struct networks parsed;
	struct maker m;
	int ret = -1;

	if (check_keys(keys, n, name, e) < 0 ||
	    networks_parse(in->text, in->len, name, &parsed, e) < 0)
		return -1;
	net = networks_find(&parsed, ssid, ssid_len);
	if (maker_init(&m, in->len + keys_size(keys, n, in->len), name, e) < 0)
		goto out;
	if (net != NULL) {
		add(&m, in->text, net->begin);
		add_changed(&m, in->text + net->begin, net->end - net->begin, keys, n);
		add(&m, in->text + net->end, in->len - net->end);
	} else {
		add(&m, in->text, in->len);
		add_new(&m, ssid, ssid_len, keys, n);
	}
	ret = finish(&m, name, out, e);
out:
	networks_free(&parsed);
	return ret;
}

/* Copies the text but for the networks of that name; an empty line before such a one
 * goes with it. */
static size_t add_without(struct maker *m, const struct networks_text *in,
    const struct networks *parsed, const uint8_t *ssid, size_t ssid_len)
{
	size_t at = 0, removed = 0;

	for (size_t i = 0; i < parsed->n; i++) {
		const struct network *net = &parsed->list[i];
		size_t begin = net->begin;

		if (net->ssid_len != ssid_len || memcmp(net->ssid, ssid, ssid_len) != 0)
			continue;
		if (begin >= at + 2 && in->text[begin - 1] == '\n' &&
		    in->text[begin - 2] == '\n')
			begin--;
		add(m, in->text + at, begin - at);
		at = net->end;
		removed++;
	}
	add(m, in->text + at, in->len - at);
	return removed;
}

static size_t line_length(const char *s, const char *end, const char **next)
{
	const char *nl = memchr(s, '\n', (size_t)(end - s));
	size_t len = (size_t)((nl != NULL ? nl : end) - s);

	*next = nl != NULL ? nl + 1 : end;
	while (len > 0 && strchr(" \t\r", s[len - 1]) != NULL)
		len--;
	return len;
}

static bool line_is(const char *s, size_t len, const char *text)
{
	while (len > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		len--;
	}
	return len == strlen(text) && memcmp(s, text, len) == 0;
}

/* The lines of a blob, and an empty one before it. */
static bool find_blob(
    const struct networks_text *t, const char *head, size_t *begin, size_t *end)
{
	const char *stop = t->text + t->len, *next;
	bool in = false;

	for (const char *s = t->text; s < stop; s = next) {
		size_t len = line_length(s, stop, &next);

		if (!in && line_is(s, len, head)) {
			in = true;
			*begin = (size_t)(s - t->text);
		} else if (in && line_is(s, len, "}")) {
			*end = (size_t)(next - t->text);
			if (*begin >= 2 && t->text[*begin - 1] == '\n' &&
			    t->text[*begin - 2] == '\n')
				--*begin;
			return true;
		}
	}
	return false;
}

/* The certificate that `connect` has put behind a network that is gone now: it goes,
 * too, unless something still names it. */
static void drop_certificate(struct networks_text *t, const uint8_t *ssid, size_t len)
{
	char hex[SSID_HEX_SIZE], name[sizeof(hex) + 32];
	size_t begin, end;

	ssid_hex(ssid, len, hex);
	snprintf(name, sizeof(name), "blob://ca-%s\"", hex);
	if (memmem(t->text, t->len, name, strlen(name)) != NULL)
		return;
	snprintf(name, sizeof(name), "blob-base64-ca-%s={", hex);
	while (find_blob(t, name, &begin, &end)) {
		memmove(t->text + begin, t->text + end, t->len - end);
		explicit_bzero(t->text + t->len - (end - begin), end - begin);
		t->len -= end - begin;
	}
}

int networks_remove(const struct networks_text *in, const char *name, const uint8_t *ssid,
    size_t ssid_len, struct networks_text *out, size_t *removed, struct err *e)
{
	struct networks parsed;
	struct maker m;
	int ret = -1;

	if (networks_parse(in->text, in->len, name, &parsed, e) < 0)
		return -1;
	if (maker_init(&m, in->len, name, e) == 0) {
		*removed = add_without(&m, in, &parsed, ssid, ssid_len);
		if (*removed > 0)
			drop_certificate(&m.out, ssid, ssid_len);
		ret = finish(&m, name, out, e);
	}
	networks_free(&parsed);
	return ret;
}

/* The one network of a block that is to be added. */
static int find_one(const struct networks *n, const char *name, const uint8_t *ssid,
    size_t ssid_len, struct err *e)
{
	if (n->n != 1)
		return err_set(e, ERR_FAILED, "%s: expected one network={ block, not %zu",
		    name, n->n);
	if (n->list[0].ssid_len == 0)
		return err_set(e, ERR_FAILED, "%s: its network has no ssid", name);
	if (ssid != NULL && networks_find(n, ssid, ssid_len) == NULL)
		return err_set(e, ERR_FAILED, "%s: its network has another ssid", name);
	return 0;
}

int networks_put_block(const struct networks_text *in, const char *name,
    const struct networks_text *block, const char *block_name, const uint8_t *ssid,
    size_t ssid_len, struct networks_text *out, uint8_t *ssid_out, size_t *ssid_out_len,
    struct err *e)
{
	struct networks parsed, one;
	struct maker m;
	int ret = -1;

	if (networks_parse(block->text, block->len, block_name, &one, e) < 0)
		return -1;
	if (find_one(&one, block_name, ssid, ssid_len, e) < 0)
		goto no_parsed;
	*ssid_out_len = one.list[0].ssid_len;
	memcpy(ssid_out, one.list[0].ssid, one.list[0].ssid_len);
	if (networks_parse(in->text, in->len, name, &parsed, e) < 0)
		goto no_parsed;
	if (maker_init(&m, in->len + block->len + 4, name, e) == 0) {
		if (add_without(&m, in, &parsed, ssid_out, *ssid_out_len) > 0)
			drop_certificate(&m.out, ssid_out, *ssid_out_len);
		add_gap(&m);
		add(&m, block->text, block->len);
		if (block->len > 0 && block->text[block->len - 1] != '\n')
			add_text(&m, "\n");
		ret = finish(&m, name, out, e);
	}
	networks_free(&parsed);
no_parsed:
	networks_free(&one);
	return ret;
}

int networks_text_load(const char *path, struct networks_text *t, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct networks n;

	*t = (struct networks_text){NULL, 0};
	if (fd < 0 && errno == ENOENT) {
		t->text = calloc(1, 1);
		return t->text != NULL ? 0 : err_sys(e, ENOMEM, "%s", path);
	}
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (fs_read_private(fd, path, NETWORKS_FILE_MAX, &t->text, &t->len, e) < 0)
		return -1;
	if (networks_parse(t->text, t->len, path, &n, e) < 0) {
		networks_text_free(t);
		return -1;
	}
	networks_free(&n);
	return 0;
}

int networks_text_save(const char *path, const struct networks_text *t, struct err *e)
{
	struct stat st;

	/* A link stays one: the file that it leads to is replaced. */
	char AUTO_FREE *real = realpath(path, NULL);
	const char *to = real != NULL ? real : path;
	bool was = stat(to, &st) == 0;

	if (fs_write_atomic(to, 0600, t->text, t->len, e) < 0)
		return -1;
	if (was && st.st_uid != geteuid() && chown(to, st.st_uid, st.st_gid) < 0)
		return err_sys(e, errno, "%s", to);
	return 0;
}
