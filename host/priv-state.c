/*
 * vm.json: what runs and what has to be put back, for the bhyfid that comes after
 * one that was killed. It is written before each change that it tells of: the card and
 * the tap before they are taken, the VMM's process before it runs anything; so what
 * it names may not have been done, which is no error when it is put back. It is root's
 * own file, yet read as if it were not: it decides which process is signalled and which
 * card gets its driver back.
 */
#include "priv-server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "msg.h"
#include "os/native.h"

#define VM_STATE_VERSION 1

char *vm_record_text(const struct vm_record *r)
{
	char card[CARD_TEXT_SIZE], start[24], hash[20];
	json_t *o;
	char *text;

	card_id_text(&r->card, card);
	/* As text: 64 bits unsigned do not fit into JSON's numbers everywhere. */
	snprintf(start, sizeof(start), "%" PRIu64, r->start);
	snprintf(hash, sizeof(hash), "%016" PRIx64, r->config);
	o = json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:b}",
	    "version", VM_STATE_VERSION, "pid", (int)r->pid, "start", start, "vmm",
	    r->vmm, "interface", r->interface, "card", card, "claimed",
	    (int)r->claim.claimed, "former_driver", r->claim.former_driver, "image",
	    r->image, "config", hash, "suspended", (int)r->suspended);
	if (o == NULL)
		return NULL;
	text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	return text;
}

int vm_record_write(const struct vm_record *r, struct err *e)
{
	AUTO_FREE char *text = vm_record_text(r);

	if (text == NULL)
		return err_sys(e, ENOMEM, VM_STATE_FILE);
	return fs_write_atomic(VM_STATE_FILE, 0600, text, strlen(text), e);
}

int vm_record_put(
    const struct priv_server *s, pid_t pid, const char *image, struct err *e)
{
	struct vm_record r = {.pid = pid,
	    .card = s->c.card,
	    .claim = s->claim,
	    .config = config_hash(&s->c),
	    .suspended = s->parked};

	snprintf(r.vmm, sizeof(r.vmm), "%s", s->vmm->name);
	snprintf(r.interface, sizeof(r.interface), "%s", s->c.interface);
	snprintf(r.image, sizeof(r.image), "%s", image);
	if (pid > 0 && proc_start(pid, &r.start, e) < 0)
		return -1;
	return vm_record_write(&r, e);
}

static bool parse_u64(const json_t *o, const char *key, int base, uint64_t *out)
{
	const char *s = msg_str(o, key, "");
	char *end;

	errno = 0;
	*out = strtoull(s, &end, base);
	return errno == 0 && end != s && *end == '\0' && s[0] != '-' && s[0] != '+';
}

/* A string of plain characters that is not cut; may be empty. */
static bool parse_name(const json_t *o, const char *key, char *dst, size_t size)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.+~:-";
	const char *s = msg_str(o, key, NULL);

	if (s == NULL || strlen(s) >= size || strspn(s, allowed) != strlen(s))
		return false;
	memcpy(dst, s, strlen(s) + 1);
	return true;
}

int vm_record_parse(struct vm_record *r, const char *text, size_t len, struct err *e)
{
	json_t *o = msg_parse(text, len);
	const char *wrong = NULL;

	memset(r, 0, sizeof(*r));
	if (o == NULL)
		return err_set(e, ERR_FAILED, VM_STATE_FILE ": not a JSON object");
	r->pid = (pid_t)msg_int(o, "pid", 0, INT32_MAX, 1);
	r->claim.claimed = msg_bool(o, "claimed", false);
	r->suspended = msg_bool(o, "suspended", false);
	if (msg_int(o, "version", 1, INT32_MAX, 0) != VM_STATE_VERSION)
		wrong = "version";
	else if (r->pid == 1)
		wrong = "pid";
	else if (!parse_u64(o, "start", 10, &r->start))
		wrong = "start";
	else if (!parse_name(o, "vmm", r->vmm, sizeof(r->vmm)) ||
		 vmm_find(r->vmm) == NULL)
		wrong = "vmm";
	else if (!parse_name(o, "interface", r->interface, sizeof(r->interface)) ||
		 r->interface[0] == '\0')
		wrong = "interface";
	else if (card_id_parse(msg_str(o, "card", ""), &r->card, NULL) < 0)
		wrong = "card";
	else if (!parse_name(o, "former_driver", r->claim.former_driver,
		     sizeof(r->claim.former_driver)))
		wrong = "former_driver";
	else if (!parse_name(o, "image", r->image, sizeof(r->image)))
		wrong = "image";
	else if (!parse_u64(o, "config", 16, &r->config))
		wrong = "config";
	json_decref(o);
	if (wrong != NULL)
		return err_set(
		    e, ERR_FAILED, VM_STATE_FILE ": %s: not as bhyfid wrote it", wrong);
	return 0;
}

int vm_record_read(struct vm_record *r, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (access(VM_STATE_FILE, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (fs_read_file(VM_STATE_FILE, VM_STATE_MAX, &text, &len, e) < 0 ||
	    vm_record_parse(r, text, len, e) < 0)
		return -1;
	return 1;
}
