/* The completions as shells use them, with a bhyfi that prints odd names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs.h"

#define OUT_MAX 65536

static char dir[] = "/tmp/bhyfi-completion-XXXXXX";

/* Says how it was called, too: the instance has to arrive. */
static const char stub[] = "#!/bin/sh\n"
			   "case $* in\n"
			   "*complete\\ instances) printf 'wlan\\nguest2\\n' ;;\n"
			   "*complete\\ cards) printf 'pci0:3:0:0\\npci0:4:0:0\\n' ;;\n"
			   "'-i guest2 complete heard') echo Second ;;\n"
			   "*complete\\ heard) printf '%s\\n' 'My Cafe' \\\n"
			   "	'$(touch x)`touch x`' 'a;touch x' \"it's\" ;;\n"
			   "*complete\\ networks) printf 'Home\\nHotel\\n' ;;\n"
			   "*) echo \"GOT:$*:END\" ;;\n"
			   "esac\n";

static int make(void **state)
{
	char path[128];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bhyfi", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(stub, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
	snprintf(path, sizeof(path), "%s:/usr/local/bin:/usr/bin:/bin", dir);
	setenv("PATH", path, 1);
	setenv("HOME", dir, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_int_equal(chdir(dir), 0);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	return fs_remove_tree(dir, NULL);
}

/* The output of a script, lines sorted as they came. */
static const char *run(const char *script)
{
	static char out[OUT_MAX];
	FILE *f = popen(script, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	assert_int_equal(pclose(f), 0);
	return out;
}

/* What bash offers for words (each in bash's quotes, as it has split them). */
static const char *offered(const char *words)
{
	char script[4096];

	snprintf(script, sizeof(script),
	    "bash --norc <<'EOF'\n. '%s'\nCOMP_WORDS=(bhyfi %s)\n"
	    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_bhyfi bhyfi\n"
	    "for w in \"${COMPREPLY[@]}\"; do echo \"$w\"; done\nEOF\n",
	    COMPLETION "/bhyfi", words);
	return run(script);
}

static void bash_commands_and_options(void **state)
{
	(void)state;
	assert_string_equal(offered("st"), "status\n");
	assert_string_equal(offered("mon"), "monitor\n");
	assert_string_equal(offered("-i wlan --json mon"), "monitor\n");
	assert_string_equal(offered("monitor --o"), "--once\n");
	assert_string_equal(offered("monitor --i"), "--instance\n--interval\n");
	assert_string_equal(offered("monitor --interval ''"), "");
	assert_string_equal(
	    offered("image ''"), "build\ninfo\nverify\nrollback\noutdated\nesp\n");
	assert_string_equal(offered("image build --ca"), "--cache\n--card\n");
	assert_string_equal(offered("import vm"), "vm-bhyve\n");
	assert_string_equal(offered("help forg"), "forget\n");
	assert_string_equal(offered("nonsense ''"), "");
	/* Hidden ones are. */
	assert_string_equal(offered("ai"), "");
}

static void bash_values(void **state)
{
	(void)state;
	assert_string_equal(offered("connect --eap ''"), "peap\nttls\nttls-pap\npwd\n");
	assert_string_equal(offered("connect --eap = t"), "ttls\nttls-pap\n");
	assert_string_equal(offered("networks Home --autoconnect y"), "yes\n");
	assert_string_equal(offered("-i ''"), "wlan\nguest2\n");
	assert_string_equal(offered("--instance = g"), "guest2\n");
	assert_string_equal(offered("forget H"), "Home\nHotel\n");
	assert_string_equal(offered("forget Home H"), "");
	/* A word that bash has broken at its colons: only the rest is replaced. */
	assert_string_equal(offered("plan --card pci0 : 3 : 0 : ''"), "0\n");
	assert_string_equal(offered("plan --card p"), "pci0:3:0:0\npci0:4:0:0\n");
	assert_string_equal(offered("connect -p bh"), "bhyfi\n");
	assert_string_equal(offered("-i guest2 connect ''"), "Second\n");
}

/* What strangers call their networks is quoted, and nothing of it is run. */
static void bash_hostile_names(void **state)
{
	(void)state;
	assert_string_equal(offered("connect ''"),
	    "My\\ Cafe\n\\$\\(touch\\ x\\)\\`touch\\ x\\`\na\\;touch\\ x\nit\\'s\n");
	assert_string_equal(offered("connect My"), "My\\ Cafe\n");
	assert_string_equal(offered("connect 'My\\ C'"), "My\\ Cafe\n");
	assert_string_equal(
	    offered("connect '$'"), "\\$\\(touch\\ x\\)\\`touch\\ x\\`\n");
	/* Within quotes, as those want it. */
	assert_string_equal(offered("connect '\"My C'"), "My Cafe\n");
	assert_string_equal(offered("connect '\"$'"), "\\$(touch x)\\`touch x\\`\n");
	assert_string_equal(offered("connect \\'My"), "My Cafe\n");
	assert_string_equal(offered("connect \\'it"), "");
	assert_int_not_equal(access("x", F_OK), 0);
}

static bool has(const char *shell)
{
	char script[64];

	snprintf(
	    script, sizeof(script), "command -v %s >/dev/null && echo yes; :", shell);
	return run(script)[0] != '\0';
}

static const char *fish(const char *line)
{
	char script[1024];

	snprintf(script, sizeof(script),
	    "fish --no-config -c 'source %s/bhyfi.fish; complete -C \"%s\"' 2>&1; :",
	    COMPLETION, line);
	return run(script);
}

static void fish_offers(void **state)
{
	(void)state;
	if (!has("fish"))
		skip();
	assert_non_null(strstr(fish("bhyfi st"), "status\t"));
	assert_non_null(strstr(fish("bhyfi monitor --o"), "--once\t"));
	assert_string_equal(fish("bhyfi forget H"), "Home\nHotel\n");
	assert_string_equal(fish("bhyfi -i guest2 connect S"), "Second\n");
	/* Each with the option's description behind it. */
	assert_int_equal(
	    strncmp(fish("bhyfi connect --eap tt"), "ttls\tFor 802.1X: ", 17), 0);
	assert_non_null(
	    strstr(fish("bhyfi connect --eap tt"), "\nttls-pap\tFor 802.1X: "));
	assert_int_equal(
	    strncmp(fish("bhyfi connect --eap pw"), "pwd\tFor 802.1X: ", 16), 0);
	assert_non_null(strstr(fish("bhyfi connect "), "My Cafe\n"));
	assert_int_not_equal(access("x", F_OK), 0);
}

/* Completion in zsh needs its line editor, so a terminal: zpty makes one. The line is
 * completed and run, and the program says how it was called. */
static const char *zsh(const char *line)
{
	char script[4096];

	snprintf(script, sizeof(script),
	    "TERM=xterm timeout 20 zsh -f <<'EOF' 2>&1\n"
	    "zmodload zsh/zpty\n"
	    "zpty z zsh -f -i\n"
	    /* Not before the editor has the terminal: then it prompts. */
	    "zpty -w z 'fpath=(%s $fpath); autoload -U compinit; compinit -u -D; "
	    "PS1=\"READ\"\"Y \"'\n"
	    "zpty -r z out '*READY *'\n"
	    "zpty -w -n z $'%s\\t'\n"
	    "zpty -w -n z $'\\n'\n"
	    "zpty -r z out '*GOT:*:END*'\n"
	    "out=${out##*GOT:}\nprint -r -- ${out%%%%:END*}\nEOF\n",
	    COMPLETION, line);
	return run(script);
}

static void zsh_offers(void **state)
{
	(void)state;
	if (!has("zsh"))
		skip();
	assert_string_equal(zsh("bhyfi sta"), "status\n");
	assert_string_equal(zsh("bhyfi monitor --on"), "monitor --once\n");
	assert_string_equal(zsh("bhyfi networks Home --autoconnect y"),
	    "networks Home --autoconnect yes\n");
	assert_string_equal(zsh("bhyfi forget Hot"), "forget Hotel\n");
	assert_string_equal(
	    zsh("bhyfi -i guest2 connect S"), "-i guest2 connect Second\n");
	assert_string_equal(zsh("bhyfi connect a"), "connect a;touch x\n");
	assert_int_not_equal(access("x", F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bash_commands_and_options),
	    cmocka_unit_test(bash_values),
	    cmocka_unit_test(bash_hostile_names),
	    cmocka_unit_test(fish_offers),
	    cmocka_unit_test(zsh_offers),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
