/*
 * The examples of the manual pages, as they are installed. The first block of bhyfi(8)
 * is run in a namespace of its own, with a DHCP client that leaves this system's resolver
 * alone in place of dhclient; of the others the commands are only
 * looked up, with their options, as they would change this system. Each block of
 * bhyfi.conf(5) has to pass `bhyfid -n`.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "paths.h"

#define MAN BHYFI_TEST_PREFIX "/share/man/"
#define PAGE_MAX (256 * 1024)
#define LINES_MAX 16
#define BLOCKS_MAX 16

struct block {
	char *lines[LINES_MAX];
	size_t n;
};

struct examples {
	char *text;
	struct block blocks[BLOCKS_MAX];
	size_t n;
};

/* "\-", "\&" and "\e" of roff. */
static void unescape(char *line)
{
	char *to = line;

	for (const char *p = line; *p; p++) {
		if (p[0] == '\\' && p[1] == '&')
			p++;
		else if (p[0] == '\\' && p[1] == '-')
			continue;
		else if (p[0] == '\\' && p[1] == 'e')
			*to++ = *p++;
		else
			*to++ = *p;
	}
	*to = '\0';
}

/* The literal blocks of the section EXAMPLES. */
static void read_examples(const char *page, struct examples *x)
{
	struct err e = ERR_INIT;
	struct block *b = NULL;
	char *section, *save = NULL;

	memset(x, 0, sizeof(*x));
	ok(fs_read_file(page, PAGE_MAX, &x->text, NULL, &e), &e);
	section = strstr(x->text, "\n.Sh EXAMPLES\n");
	assert_non_null(section);
	for (char *line = strtok_r(section + strlen("\n.Sh EXAMPLES\n"), "\n", &save);
	     line && strncmp(line, ".Sh ", 4) != 0; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, ".Bd -literal", 12) == 0) {
			assert_in_range(x->n, 0, BLOCKS_MAX - 1);
			b = &x->blocks[x->n++];
		} else if (strcmp(line, ".Ed") == 0) {
			b = NULL;
		} else if (b) {
			assert_in_range(b->n, 0, LINES_MAX - 1);
			unescape(line);
			b->lines[b->n++] = line;
		}
	}
	assert_true(x->n > 0);
}

/* NULL where a line goes on with the command of the one before. */
static const char *command(const char *line)
{
	return strncmp(line, "# ", 2) == 0 || strncmp(line, "$ ", 2) == 0 ? line + 2
									  : NULL;
}

static void run_script(const char *script)
{
	const char *const argv[] = {"sh", "-exc", script, NULL};
	struct err e = ERR_INIT;
	struct child c;

	ok(child_run(&c, argv, 2 * UP_MS, &e), &e);
	if (c.status)
		fail_msg("%s: status %d: %s%s", script, c.status, c.out, c.err);
	child_free(&c);
}

/* What a user types, as scripts that end at the first failure. */
static void run_block(const struct block *b)
{
	static const char dhclient[] = "dhclient ";
	char script[2048] = "";
	struct err e = ERR_INIT;
	struct lease l;

	for (size_t n = 0; n < b->n; n++) {
		const char *text = command(b->lines[n]);
		size_t at = strlen(script);

		if (text && strncmp(text, dhclient, strlen(dhclient)) == 0) {
			run_script(script);
			script[0] = '\0';
			ok(net_dhcp("udhcpc", text + strlen(dhclient), 20000, &l, &e),
			    &e);
			continue;
		}
		snprintf(
		    script + at, sizeof(script) - at, "%s\n", text ? text : b->lines[n]);
	}
	run_script(script);
}

/* `bhyfi SUB ... --option ...`: the help of SUB has each of the options. */
static void look_up(const char *line)
{
	char *save = NULL, *AUTO_FREE copy = strdup(line);
	const char *help[] = {BHYFI_TEST_BIN "/bhyfi", "help", NULL, NULL};
	struct err e = ERR_INIT;
	struct child c;

	assert_non_null(copy);
	if (strcmp(strtok_r(copy, " ", &save), "bhyfi") != 0)
		return; /* another program's */
	help[2] = strtok_r(NULL, " ", &save);
	assert_non_null(help[2]);
	ok(child_run(&c, help, COMMAND_MS, &e), &e);
	if (c.status)
		fail_msg("%s: bhyfi help %s: status %d", line, help[2], c.status);
	for (const char *w; (w = strtok_r(NULL, " ", &save)) && *w != '|';)
		if (w[0] == '-' && w[1] == '-' && strcmp(w, "--json") != 0 &&
		    !strstr(c.out, w))
			fail_msg("%s: bhyfi %s has no %s", line, help[2], w);
	child_free(&c);
}

static void examples_of_bhyfi(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct examples x;

	read_examples(MAN "man8/bhyfi.8", &x);
	/* The page's instance is the one that is meant without -i. */
	inst_remove(i);
	inst_init(i, "wlan", "wpa2");
	inst_remove(i);
	assert_int_equal(setenv("PATH",
			     BHYFI_TEST_BIN ":/usr/local/sbin:/usr/local/bin:"
					    "/usr/sbin:/usr/bin:/sbin:/bin",
			     1),
	    0);
	run_block(&x.blocks[0]);
	lab_nothing_left(i);
	for (size_t b = 1; b < x.n; b++)
		for (size_t l = 0; l < x.blocks[b].n; l++)
			if (command(x.blocks[b].lines[l]))
				look_up(command(x.blocks[b].lines[l]));
	free(x.text);
}

static void examples_of_the_configuration(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	const char *const check[] = {
	    BHYFI_TEST_PREFIX "/sbin/bhyfid", "-n", "-i", i->name, NULL};
	struct err e = ERR_INIT;
	struct examples x;
	struct child c;

	read_examples(MAN "man5/bhyfi.conf.5", &x);
	for (size_t b = 0; b < x.n; b++) {
		i->settings[0] = '\0';
		for (size_t l = 0; l < x.blocks[b].n; l++) {
			size_t at = strlen(i->settings);

			snprintf(i->settings + at, sizeof(i->settings) - at, "%s\n",
			    x.blocks[b].lines[l]);
		}
		if (!strstr(i->settings, "networks"))
			inst_set(i, "networks", i->networks);
		lab_write(i);
		ok(child_run(&c, check, COMMAND_MS, &e), &e);
		if (c.status)
			fail_msg("block %zu: status %d: %s", b, c.status, c.err);
		child_free(&c);
	}
	free(x.text);
}

LAB_MAIN("man", LAB_TEST(examples_of_bhyfi), LAB_TEST(examples_of_the_configuration))
