#include "setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "diff.h"
#include "fs.h"
#include "inifile.h"
#include "journal.h"
#include "paths.h"
#include "plan.h"
#include "run.h"

struct setup_folders setup_folders(const char *os)
{
	if (os_is_native(os))
		return (struct setup_folders){.etc = PATH_ETC, .db = PATH_DB};
	if (strcmp(os, "freebsd") == 0)
		return (struct setup_folders){
		    .etc = "/usr/local/etc/bhyfi", .db = "/var/db/bhyfi"};
	return (struct setup_folders){.etc = "/etc/bhyfi", .db = "/var/lib/bhyfi"};
}

static int begin(const struct setup_request *r, struct setup_plan **plan,
    struct plan_input *in, struct err *e)
{
	struct setup_folders folders;
	struct setup_plan *p;

	*plan = NULL;
	if (!config_instance_valid(r->instance))
		return err_set(e, ERR_USAGE, "%.40s: not an instance name", r->instance);
	if (r->root[0] != '\0' && access(r->root, X_OK) < 0)
		return err_sys(e, errno, "%s", r->root);
	if (os_select(r->os, r->root, &in->os, e) < 0)
		return -1;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_sys(e, ENOMEM, "setup");
	in->request = r;
	in->native = os_is_native(in->os->name);
	/* Our own system's programs would tell of, and change, the one that runs. */
	run_live = os_root()[0] == '\0' || !in->native;
	p->os = in->os->name;
	snprintf(p->instance, sizeof(p->instance), "%s", r->instance);
	folders = setup_folders(p->os);
	snprintf(p->etc, sizeof(p->etc), "%s", folders.etc);
	snprintf(p->db, sizeof(p->db), "%s", folders.db);
	*plan = p;
	if (snprintf(in->config, sizeof(in->config), "%s/%s.conf", p->etc, p->instance) <
	    (int)sizeof(in->config))
		return 0;
	setup_plan_free(p);
	*plan = NULL;
	return err_set(e, ERR_FAILED, "%.80s: the path is too long", r->root);
}

void setup_plan_free(struct setup_plan *p)
{
	if (p == NULL)
		return;
	change_list_free(&p->changes);
	for (size_t i = 0; i < p->nnotes; i++)
		free(p->note[i]);
	for (size_t i = 0; i < p->nreboots; i++)
		free(p->reboot[i]);
	free(p);
}

/* What an earlier run left is put right before anything else is looked at. */
static int recover(const struct setup_request *r, const struct setup_plan *p,
    bool look_only, bool *interrupted, struct err *e)
{
	struct journal j;
	int ret = 0;

	*interrupted = false;
	if (journal_open(&j, p->db, false, false, e) < 0)
		return -1;
	*interrupted = journal_interrupted(&j);
	journal_close(&j);
	if (!*interrupted || look_only)
		return 0;
	if (journal_open(&j, p->db, false, true, e) < 0)
		return -1;
	ret = journal_recover(&j, r->report, r->arg, e);
	journal_close(&j);
	return ret < 0 ? -1 : 0;
}

/* The card that the instance has already; false: none that can be read. */
static bool configured_card(const struct plan_input *in, struct card_id *card)
{
	AUTO_FREE char *text = NULL;
	char full[PATH_MAX], value[64];
	size_t len;

	return os_path(full, sizeof(full), in->config, NULL) == 0 &&
	       fs_read_file(full, CONFFILE_MAX, &text, &len, NULL) == 0 &&
	       ini_get(text, len, "card", value, sizeof(value)) &&
	       card_id_parse(value, card, NULL) == 0;
}

static int none_found(struct err *e)
{
	err_set(e, ERR_PRECONDITION, "this machine has no wireless PCI card");
	return err_hint(e, "--card sim:wpa2 sets up a simulated one");
}

static int pick(const struct setup_request *r, const struct card_list *cards,
    struct card_id *card, struct err *e)
{
	char list[256] = "", id[CARD_TEXT_SIZE];
	int i;

	if (cards->n == 0)
		return none_found(e);
	if (cards->n == 1) {
		*card = cards->cards[0].id;
		return 0;
	}
	if (r->choose != NULL) {
		i = r->choose(r->arg, cards, e);
		if (i < 0 || (size_t)i >= cards->n)
			return -1;
		*card = cards->cards[i].id;
		return 0;
	}
	for (size_t k = 0; k < cards->n; k++) {
		size_t at = strlen(list);

		card_id_text(&cards->cards[k].id, id);
		snprintf(list + at, sizeof(list) - at, "%s%s", k > 0 ? ", " : "", id);
	}
	err_set(e, ERR_USAGE, "this machine has %zu cards: %s", cards->n, list);
	return err_hint(e, "--card says which one");
}

static const struct card *find_card(
    const struct card_list *cards, const struct card_id *id)
{
	char a[CARD_TEXT_SIZE], b[CARD_TEXT_SIZE];

	card_id_text(id, a);
	for (size_t i = 0; i < cards->n; i++) {
		card_id_text(&cards->cards[i].id, b);
		if (strcmp(a, b) == 0)
			return &cards->cards[i];
	}
	return NULL;
}

/* A real card has to be there, unless the machine cannot be asked. */
static int check_card(struct setup_plan *p, struct plan_input *in,
    const struct err *cards_failed, struct err *e)
{
	if (in->card.kind == CARD_SIM)
		return 0;
	in->found = find_card(in->cards, &in->card);
	if (in->found == NULL && cards_failed->code != ERR_NONE) {
		if (in->request->bind_at_boot && strcmp(p->os, "linux") == 0) {
			*e = *cards_failed;
			return -1;
		}
		return plan_note(p, e,
		    "The cards of this machine can not be listed (%s): %s is taken as it "
		    "is, and its own driver is not kept from it.",
		    cards_failed->msg, p->card);
	}
	if (in->found == NULL) {
		err_set(e, ERR_PRECONDITION, "card %s: there is no such wireless card",
		    p->card);
		return err_hint(e, "bhyfi cards lists those of this machine");
	}
	if (!in->found->passable && in->found->why[0] != '\0')
		return plan_note(p, e, "Card %s can not be passed through yet: %s.",
		    p->card, in->found->why);
	return 0;
}

static int choose_card(
    struct setup_plan *p, struct plan_input *in, struct card_list *cards, struct err *e)
{
	const struct setup_request *r = in->request;
	struct err failed = ERR_INIT;

	in->cards = cards;
	/* In a folder sysfs may be looked at; there is nothing to be run for it. */
	if (!run_live && !plan_exists("/sys/bus/pci/devices"))
		err_set(&failed, ERR_FAILED, "%s is not the system that runs", r->root);
	else if (in->os->cards(cards, &failed) < 0 && failed.code == ERR_NONE)
		failed.code = ERR_FAILED;
	if (r->card != NULL) {
		if (card_id_parse(r->card, &in->card, e) < 0)
			return err_prefix(e, "--card");
	} else if (!configured_card(in, &in->card)) {
		if (failed.code != ERR_NONE) {
			*e = failed;
			return err_hint(e, "--card says which card");
		}
		if (pick(r, cards, &in->card, e) < 0)
			return -1;
	}
	card_id_text(&in->card, p->card);
	return check_card(p, in, &failed, e);
}

int setup_plan_make(const struct setup_request *r, bool look_only, bool *interrupted,
    struct setup_plan **plan, struct err *e)
{
	struct card_list cards = {.n = 0};
	struct plan_input in = {.found = NULL};
	struct setup_plan *p;
	int ret = 0;

	if (begin(r, plan, &in, e) < 0)
		return -1;
	p = *plan;
	if (recover(r, p, look_only, interrupted, e) < 0) {
		ret = -1;
	} else if (!*interrupted || !look_only) {
		/* What was interrupted may have made it. */
		in.config_exists = plan_exists(in.config);
		ret = choose_card(p, &in, &cards, e);
		if (ret == 0)
			ret = strcmp(p->os, "freebsd") == 0 ? plan_freebsd(p, &in, e)
							    : plan_linux(p, &in, e);
	}
	if (ret < 0) {
		setup_plan_free(p);
		*plan = NULL;
	}
	return ret;
}

int setup_plan_undo(const struct setup_request *r, bool look_only, bool *interrupted,
    struct setup_plan **plan, char **conflict, struct err *e)
{
	struct plan_input in = {.found = NULL};
	struct setup_plan *p;
	struct journal j;
	int ret;

	*conflict = NULL;
	if (begin(r, plan, &in, e) < 0)
		return -1;
	p = *plan;
	p->undo = true;
	ret = recover(r, p, look_only, interrupted, e);
	if (ret == 0 && !(*interrupted && look_only)) {
		ret = journal_open(&j, p->db, false, false, e);
		if (ret == 0) {
			p->pending = j.n > 0;
			ret = journal_undo_changes(
			    &j, &p->changes, r->report, r->arg, conflict, e);
			journal_close(&j);
		}
		if (ret == 0 && strcmp(p->os, "linux") == 0)
			ret = plan_linux_undo(p, e);
	}
	if (ret < 0) {
		setup_plan_free(p);
		*plan = NULL;
	}
	return ret;
}

int setup_apply(struct setup_plan *p, struct err *e)
{
	struct journal j;
	int ret;

	if (p->changes.n == 0 && !p->pending)
		return 0;
	if (journal_open(&j, p->db, !p->undo, true, e) < 0)
		return -1;
	if (journal_interrupted(&j)) {
		ret = err_set(e, ERR_FAILED, "another setup was interrupted meanwhile");
		err_hint(e, "run it again");
	} else {
		ret = journal_apply(&j, &p->changes, p->undo, e);
	}
	journal_close(&j);
	return ret;
}

int setup_command_run(const struct setup_plan *p, size_t i, struct err *e)
{
	return run_program(p->os, p->command[i].argv, e);
}

int setup_change_text(const struct change *c, char **out, struct err *e)
{
	const char *made = c->new.text != NULL ? "+" : "-";
	const char *text = c->new.text != NULL ? c->new.text : c->old.text;

	*out = NULL;
	if (c->kind == CHANGE_FILE)
		return diff_unified_text(c->old.text != NULL ? c->path : NULL,
		    c->old.text != NULL ? c->old.text : "", c->old.len,
		    c->new.text != NULL ? c->path : NULL,
		    c->new.text != NULL ? c->new.text : "", c->new.len, out, e);
	if (asprintf(out,
		c->kind == CHANGE_LINK ? "%s %s -> %s\n" : "%s ZFS dataset %s on %s\n",
		made, c->kind == CHANGE_LINK ? c->path : text,
		c->kind == CHANGE_LINK ? text : c->path) < 0) {
		*out = NULL;
		return err_sys(e, ENOMEM, "setup");
	}
	return 0;
}
