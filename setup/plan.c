#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "inifile.h"

#define WPA_COMMENT "# The networks that bhyfi joins: wpa_supplicant.conf(5)\n"

static int add_line(char **list, size_t *n, struct err *e, const char *fmt, va_list ap)
{
	if (*n == SETUP_LINES_MAX)
		return err_set(e, ERR_FAILED, "setup: too many notes");
	if (vasprintf(&list[*n], fmt, ap) < 0)
		return err_sys(e, ENOMEM, "setup");
	(*n)++;
	return 0;
}

int plan_note(struct setup_plan *p, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = add_line(p->note, &p->nnotes, e, fmt, ap);
	va_end(ap);
	return ret;
}

int plan_reboot(struct setup_plan *p, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = add_line(p->reboot, &p->nreboots, e, fmt, ap);
	va_end(ap);
	return ret;
}

int plan_command(struct setup_plan *p, const char *why, const char *program,
    const char *a, const char *b, const char *c, struct err *e)
{
	struct setup_command *s = &p->command[p->ncommands];

	if (p->ncommands == SETUP_COMMANDS_MAX)
		return err_set(e, ERR_FAILED, "setup: too many commands");
	*s = (struct setup_command){.argv = {program, a, b, c, NULL}, .why = why};
	p->ncommands++;
	return 0;
}

bool plan_exists(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return os_path(full, sizeof(full), path, NULL) == 0 && lstat(full, &st) == 0;
}

/* A change of the file with what is there now; dropped again where text is that. */
static int change_file(
    struct setup_plan *p, const char *path, struct change **out, struct err *e)
{
	struct change *c = change_add(&p->changes, CHANGE_FILE, path, e);

	if (c == NULL)
		return -1;
	c->mode = 0644;
	*out = c;
	if (change_resolve(c, e) < 0 || change_read(c, &c->old, e) < 0)
		return -1;
	return 0;
}

static void drop_last(struct change_list *l)
{
	struct change *c = &l->change[--l->n];

	change_state_free(&c->old);
	change_state_free(&c->new);
}

int plan_file(struct setup_plan *p, const char *path, mode_t mode, const char *text,
    bool replace, bool keep, struct err *e)
{
	struct change *c;

	if (change_file(p, path, &c, e) < 0)
		return -1;
	c->keep = keep;
	if (c->old.text == NULL)
		c->mode = mode;
	if (change_state_set(&c->new, text, strlen(text), e) < 0)
		return -1;
	if (change_state_same(&c->old, &c->new)) {
		drop_last(&p->changes);
		return 0;
	}
	if (c->old.text != NULL && !replace) {
		err_set(e, ERR_FAILED, "%s: is there already, with other lines", path);
		return err_hint(e, "move it away, or make it: %.150s", text);
	}
	return 0;
}

int plan_link(struct setup_plan *p, const char *path, const char *target, struct err *e)
{
	struct change *c;

	/* Whatever is there does what the link would. */
	if (plan_exists(path))
		return 0;
	c = change_add(&p->changes, CHANGE_LINK, path, e);
	if (c == NULL || change_resolve(c, e) < 0)
		return -1;
	return change_state_set(&c->new, target, strlen(target), e);
}

/* Replaces the change's new text by it with the key set. */
static int set_key(struct change *c, const char *key, const char *value, struct err *e)
{
	AUTO_FREE char *text = NULL;
	const struct change_state *s = c->new.text != NULL ? &c->new : &c->old;
	size_t len;

	if (ini_set(s->text != NULL ? s->text : "", s->len, key, value, &text, &len, e) <
	    0)
		return -1;
	return change_state_set(&c->new, text, len, e);
}

/* The host's own networks, if bhyfid would take them: it refuses what others read. */
static const char *host_networks(struct setup_plan *p, const char *os, struct err *e)
{
	const char *path = strcmp(os, "freebsd") == 0
			       ? "/etc/wpa_supplicant.conf"
			       : "/etc/wpa_supplicant/wpa_supplicant.conf";
	char full[PATH_MAX];
	struct stat st;

	if (os_path(full, sizeof(full), path, e) < 0 || stat(full, &st) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size == 0)
		return NULL;
	if ((st.st_mode & 077) == 0)
		return path;
	plan_note(p, e,
	    "This host's networks in %s are not taken over, as others may read them: "
	    "chmod 600 it, and set networks = %s in %s/%s.conf.",
	    path, path, p->etc, p->instance);
	return NULL;
}

static int plan_networks(struct setup_plan *p, struct change *c, struct err *e)
{
	const struct change_state *s = c->new.text != NULL ? &c->new : &c->old;
	char path[PATH_MAX];
	const char *own;

	if (s->text != NULL && ini_get(s->text, s->len, "networks", path, sizeof(path)))
		return plan_exists(path)
			   ? 0
			   : plan_file(p, path, 0600, WPA_COMMENT, false, true, e);
	if (snprintf(path, sizeof(path), "%s/wpa_supplicant.conf", p->etc) >=
	    (int)sizeof(path))
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", p->etc);
	if (plan_exists(path))
		return 0;
	own = c->old.text == NULL ? host_networks(p, p->os, e) : NULL;
	if (own != NULL) {
		plan_note(p, e, "The networks are this host's own: %s.", own);
		return set_key(c, "networks", own, e);
	}
	if (plan_note(p, e, "The networks to join belong into %s.", path) < 0)
		return -1;
	return plan_file(p, path, 0600, WPA_COMMENT, false, true, e);
}

/* Whether the present text says the same card. */
static bool same_card(const struct change_state *s, const struct card_id *card)
{
	char value[64], a[CARD_TEXT_SIZE], b[CARD_TEXT_SIZE];
	struct card_id present;

	if (!ini_get(s->text, s->len, "card", value, sizeof(value)) ||
	    card_id_parse(value, &present, NULL) < 0)
		return false;
	card_id_text(&present, a);
	card_id_text(card, b);
	return strcmp(a, b) == 0;
}

int plan_config(struct setup_plan *p, const struct plan_input *in, struct err *e)
{
	size_t at = p->changes.n;
	char present[IFNAME_MAX];
	struct change *c;

	if (change_file(p, in->config, &c, e) < 0)
		return -1;
	c->keep = true;
	if (c->old.text != NULL && memchr(c->old.text, '\0', c->old.len) != NULL)
		return err_set(e, ERR_FAILED, "%s: has NUL bytes", in->config);
	if (c->old.text == NULL) {
		static const char head[] = "# bhyfi.conf(5) has all keys.\n";

		if (change_state_set(&c->new, head, sizeof(head) - 1, e) < 0)
			return -1;
	}
	if ((c->old.text == NULL || !same_card(&c->old, &in->card)) &&
	    set_key(c, "card", p->card, e) < 0)
		return -1;
	if (in->write_interface &&
	    (c->old.text == NULL || !ini_get(c->old.text, c->old.len, "interface",
					present, sizeof(present))) &&
	    set_key(c, "interface", p->interface, e) < 0)
		return -1;
	/* It may add to the list and to this change: by index from here on. */
	struct change copy = *c;

	if (plan_networks(p, &copy, e) < 0)
		return -1;
	p->changes.change[at].new = copy.new;
	c = &p->changes.change[at];
	if (c->new.text != NULL)
		return 0;
	change_state_free(&c->old);
	memmove(c, c + 1, (p->changes.n - at - 1) * sizeof(*c));
	p->changes.n--;
	return 0;
}
