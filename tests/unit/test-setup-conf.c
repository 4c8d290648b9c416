/* setup/confdoc.c, confset.c: rc.conf as sh(1) reads it, loader.conf as the loader does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "confset.h"
#include "fs.h"
#include "inifile.h"
#include "os/os.h"

static char root[] = "/tmp/bhyfi-test-conf-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[PATH_MAX], *slash;
	struct err e = ERR_INIT;

	snprintf(full, sizeof(full), "%s%s", root, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(fs_mkdir_p(full, 0755, &e), 0);
	*slash = '/';
	assert_int_equal(fs_write_atomic(full, 0644, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	const struct os_ops *os;
	char real[PATH_MAX];

	(void)state;
	if (mkdtemp(root) == NULL || realpath(root, real) == NULL)
		return -1;
	return os_select(NULL, root, &os, NULL);
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(root, NULL);
}

/* What sh has in a variable once it has read the file; "?" unset. */
static char *sh_value(const char *text, const char *variable)
{
	char file[PATH_MAX], script[256], *out = NULL;
	struct err e = ERR_INIT;

	snprintf(file, sizeof(file), "%s/sh.conf", root);
	assert_int_equal(fs_write_atomic(file, 0600, text, strlen(text), &e), 0);
	snprintf(script, sizeof(script),
	    "HOME=/home/x; . \"$1\" >/dev/null 2>&1; printf %%s \"${%s-?}\"", variable);
	const char *const argv[] = {"/bin/sh", "-c", script, "sh", file, NULL};
	const struct cmd_opts opts = {.quiet = 1};
	cmd_run(argv, &opts, &out, NULL, &e);
	return out;
}

static struct confset *load(const char *rc)
{
	struct confset *s = calloc(1, sizeof(*s));
	struct err e = ERR_INIT;

	put("/etc/rc.conf", rc);
	if (confset_load_rc(s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void drop(struct confset *s)
{
	confset_free(s);
	free(s);
}

static void known(const char *text, const char *variable, const char *want)
{
	struct confset *s = load(text);
	AUTO_FREE char *sh = sh_value(text, variable);
	struct err e = ERR_INIT;
	struct conf_value v;

	assert_int_equal(confset_find(s, variable, &v, &e), 0);
	if (v.known != CONF_KNOWN || !v.literal || strcmp(v.value, want) != 0)
		fail_msg("%s: %s: %d \"%s\", expected \"%s\"", text, variable, v.known,
		    v.known == CONF_KNOWN ? v.value : "", want);
	assert_string_equal(sh, want);
	drop(s);
}

static void values_are_what_sh_reads(void **state)
{
	(void)state;
	known("a=b\n", "a", "b");
	known("a=b", "a", "b");
	known("a=\n", "a", "");
	known("a=\"b c\"\n", "a", "b c");
	known("a='b  \"c\"'\n", "a", "b  \"c\"");
	known("a=b\\ c\n", "a", "b c");
	known("a=\"b\\\"c\\\\d\\$e\\f\"\n", "a", "b\"c\\d$e\\f");
	known("a=\"b\\\nc\"\n", "a", "bc");
	known("a=b\\\nc\n", "a", "bc");
	known("a=\"b\nc\"\nd=e\n", "a", "b\nc");
	known("a=\"b\nc\"\nd=e\n", "d", "e");
	known("  a=b # c=d\n", "a", "b");
	known("a=b#c\n", "a", "b#c");
	known("a=b; a=c\n", "a", "c");
	known("a=b c=d\n", "a", "b");
	known("a=b'c'\"d\"e\n", "a", "bcde");
	known("a=1\na='2'\na=\"3\"\n", "a", "3");
	known("#a=1\na=2\n# a=3\n", "a", "2");
	known("x=`echo a=7`\na=2\n", "a", "2");
	known("x=$(echo ')' \")\")\na=2\n", "a", "2");
	known("x=${y:-\"}\"}\na=2\n", "a", "2");
	known("if true; then x=1; fi\na=2\n", "a", "2");
	known("case x in (x) b=1 ;; *) b=2;; esac\na=2\n", "a", "2");
	known("for i in 1 2; do :; done\na=2\n", "a", "2");
	known("a=2\r\nb=3\r\n", "a", "2\r");
	known("a=x:y=z\n", "a", "x:y=z");
	known("a=$\n", "a", "$");
	known("a=2 && b=3\n", "a", "2");
	known("{ b=1; }; a=2\n", "a", "2");
	known("(a=1)\na=2\n", "a", "2");
	known("a=1 true\na=2\n", "a", "2");
}

static void how(const char *text, const char *variable, enum conf_known want)
{
	struct confset *s = load(text);
	struct err e = ERR_INIT;
	struct conf_value v;

	assert_int_equal(confset_find(s, variable, &v, &e), 0);
	if (v.known != want || (want == CONF_KNOWN && v.literal))
		fail_msg("%s: %s: %d, expected %d", text, variable, v.known, want);
	drop(s);
}

static void what_may_be_otherwise_is_not_known(void **state)
{
	(void)state;
	/* CONF_KNOWN here: with an expansion in it. */
	how("a=$b\n", "a", CONF_KNOWN);
	how("a=\"${a} c\"\n", "a", CONF_KNOWN);
	how("a=`b`\n", "a", CONF_KNOWN);
	how("a=~/x\n", "a", CONF_KNOWN);
	how("a=1\nif true; then a=2; fi\n", "a", CONF_UNSURE);
	how("a=1\nfalse && a=2\n", "a", CONF_UNSURE);
	how("a=1\ntrue || a=2\n", "a", CONF_UNSURE);
	how("a=1\ntrue &&\n\n a=2\n", "a", CONF_UNSURE);
	how("a=1\na=2 | true\n", "a", CONF_UNSURE);
	how("a=1\na=2 &\n", "a", CONF_UNSURE);
	how("a=1\nfor a in 2 3; do :; done\n", "a", CONF_UNSURE);
	how("a=1\nunset a\n", "a", CONF_UNSURE);
	how("a=1\nexport a=2\n", "a", CONF_UNSURE);
	how("a=1\nb=${a:=2}\n", "a", CONF_UNSURE);
	how("a=1\ncase $b in x) a=2;; esac\n", "a", CONF_UNSURE);
	how("a=1\nexport $b\n", "a", CONF_LOST);
	how("a=1\neval b=2\n", "a", CONF_LOST);
	how("a=1\n. $b\n", "a", CONF_LOST);
	how("a=1\nf() { a=2; }\n", "a", CONF_LOST);
	how("a=1\nreturn\na=2\n", "a", CONF_LOST);
	how("a=1\ncat <<x\na=2\nx\n", "a", CONF_LOST);
	how("a=1\nb='2\n", "a", CONF_LOST);
	how("a=1\nif true; then\n", "a", CONF_LOST);
	how("a=1\n)\n", "a", CONF_LOST);
	how("a=1\nb=$(case x in x) :;; esac)\n", "a", CONF_LOST);
	how("b=1\n", "a", CONF_UNSET);
	how("echo $a\n", "a", CONF_UNSET);
	how("# a=1\n", "a", CONF_UNSET);
}

/* Pieces that put together at random must read as sh reads them. */
static const char *const pieces[] = {"a=1\n", "a='2 3'\n", "b=\"x\\\"y\"\n", "# a=no\n",
    "if false; then\n\ta=5\nfi\n", "\n", "a=\"4\" # c\n", "b=$a\n", "c=${a:-\"}\"}\n",
    "a=\\\n6\n", "true && b=7\n", "for i in 1 2; do b=$i; done\n", "a=8;", "b=9 ",
    "case $a in\n1|2) b=1;;\n*) b=2\nesac\n", "{ c=1\n}\n", "(a=3)\n", "c=`echo 1`\n",
    "a=a'b'c\"d\"\n", "b='\n'\n", "c=\"#\"#\n", "[ -n \"$a\" ] || a=0\n", "a=\t\n",
    "while false; do a=1; done >/dev/null\n", ": ${c:=1}\n", "unset b\n", "a=b=c\n",
    "c=$(echo \"$(echo x)\")\n", "true\\\n && a=3\n", "a=1 c=2\n", "! true\n"};

static void random_files_read_as_sh_reads_them(void **state)
{
	static const char *const variables[] = {"a", "b", "c"};
	unsigned seed = 1, sure = 0;

	(void)state;
	for (int i = 0; i < 150; i++) {
		char text[1024] = "";
		struct confset *s;

		for (int k = 0; k < 6; k++) {
			seed = seed * 1103515245 + 12345;
			strcat(text, pieces[(seed >> 16) % ARRAY_LEN(pieces)]);
		}
		s = load(text);
		for (size_t k = 0; k < ARRAY_LEN(variables); k++) {
			AUTO_FREE char *sh = sh_value(text, variables[k]);
			struct conf_value v;

			assert_int_equal(confset_find(s, variables[k], &v, NULL), 0);
			if (v.known == CONF_UNSET && strcmp(sh, "?") != 0)
				fail_msg(
				    "%s\n%s: not seen, sh: %s", text, variables[k], sh);
			if (v.known != CONF_KNOWN || !v.literal)
				continue;
			sure++;
			if (strcmp(v.value, sh) != 0)
				fail_msg("%s\n%s: \"%s\", sh: \"%s\"", text, variables[k],
				    v.value, sh);
		}
		drop(s);
	}
	assert_true(sure > 100);
}

/* The only file of the set that changed. */
static char *result(struct confset *s)
{
	struct change_list l = {NULL, 0};
	struct err e = ERR_INIT;
	char *text;

	assert_int_equal(confset_changes(s, &l, &e), 0);
	text = strdup(l.n > 0 ? l.change[0].new.text : "(same)");
	change_list_free(&l);
	return text;
}

static void edit(const char *text, const char *variable, const char *value, bool word,
    const char *want, const char *sh_want)
{
	struct confset *s = load(text);
	struct err e = ERR_INIT;
	AUTO_FREE char *now = NULL, *sh = NULL;
	int ret = word ? confset_add_word(s, variable, value, ".ko", &e)
		       : confset_set(s, variable, value, NULL, &e);

	if (ret < 0)
		fail_msg("%s: %s", text, e.msg);
	now = result(s);
	assert_string_equal(now, want);
	sh = sh_value(strcmp(now, "(same)") == 0 ? text : now, variable);
	assert_string_equal(sh, sh_want);
	drop(s);
}

#define HEAD "# bhyfi: `bhyfi setup --undo` takes this out again\n"

static void edits_change_nothing_else(void **state)
{
	(void)state;
	edit("", "a", "YES", false, HEAD "a=\"YES\"\n", "YES");
	edit("b=1", "a", "YES", false, "b=1\n" HEAD "a=\"YES\"\n", "YES");
	edit("b='x y'  # z\n", "a", "1", false, "b='x y'  # z\n" HEAD "a=\"1\"\n", "1");
	edit("a=NO # why\nb=1\n", "a", "YES", false, "a=\"YES\" # why\nb=1\n", "YES");
	edit("a=1\n a='NO';b=2\n", "a", "YES", false, "a=1\n a=\"YES\";b=2\n", "YES");
	edit("a=\"YES\"\n", "a", "YES", false, "(same)", "YES");
	edit("a='x y' #c\r\n", "a", "z", true, "a=\"x y z\" #c\r\n", "x y z");
	edit("a=x\\\ny\n", "a", "z", true, "a=\"xy z\"\n", "xy z");
	edit("a=\"x y.ko\"\n", "a", "y", true, "(same)", "x y.ko");
	edit("a=\"x yy\"\n", "a", "y", true, "a=\"x yy y\"\n", "x yy y");
	edit("a=\"$b y\"\n", "a", "y", true, "(same)", " y");
	edit("a='$b \"\\'\n", "a", "y", true, "a=\"\\$b \\\"\\\\ y\"\n", "$b \"\\ y");
	edit("a=\n", "a", "y", true, "a=\"y\"\n", "y");
	edit("eval b=1\n", "a", "y", false, "eval b=1\n" HEAD "a=\"y\"\n", "y");
	/* Done by hand, where we could not tell. */
	edit("if true; then a=1; fi\na=\"${a} y\"\n", "a", "y", true, "(same)", "1 y");
	edit("[ 1 ] && b=1\n[ 1 ] && a=0\na=\"YES\"\n", "a", "YES", false, "(same)",
	    "YES");
}

static void refused(
    const char *text, const char *value, bool word, const char *want, const char *hint)
{
	struct confset *s = load(text);
	struct err e = ERR_INIT;
	int ret = word ? confset_add_word(s, "a", value, "", &e)
		       : confset_set(s, "a", value, NULL, &e);

	if (ret == 0)
		fail_msg("%s: taken", text);
	if (strstr(e.msg, want) == NULL || strstr(e.hint, hint) == NULL)
		fail_msg("%s: \"%s\" (%s)", text, e.msg, e.hint);
	AUTO_FREE char *now = result(s);
	assert_string_equal(now, "(same)");
	drop(s);
}

static void what_cannot_be_known_is_refused_with_its_line(void **state)
{
	(void)state;
	refused("b=1\na=\"$b x\"\n", "y", true, "/etc/rc.conf:2: a is made of other",
	    "add y to a by hand");
	refused("a=1\n[ $b ] && a=2\n", "y", false, "/etc/rc.conf:2: a condition here",
	    "a=\"y\"");
	refused("a=1\nf() {\nreturn\n}\n", "y", false, "/etc/rc.conf:2: a function",
	    "a=\"y\"");
	refused("b=1\ncat <<E\nE\n", "y", false, "/etc/rc.conf:2: a here-document",
	    "a=\"y\"");
	refused("b='1\nc=2\n", "y", false, "/etc/rc.conf:1: a quote without its end", "");
	refused("b=1 \\", "y", false, "a backslash at the end", "");
	refused("b=1 \\\n", "y", false, "a backslash at the end", "");
	refused("b=1\nreturn 0\n", "y", false, "/etc/rc.conf:2:", "");
	refused("a=\"x\"\r\n# \r\neval $a\n", "y", true, "/etc/rc.conf:3:", "");
}

static void other_files_count_too(void **state)
{
	struct conf_value v;
	struct confset *s;
	struct err e = ERR_INIT;
	AUTO_FREE char *now = NULL;

	(void)state;
	put("/etc/rc.conf.local", "a=local\n");
	put("/etc/extra", "b=extra\nc=\"x\"\n");
	put("/etc/named", "d=named\n");
	s = load("rc_conf_files=\"/etc/rc.conf /etc/rc.conf.local /etc/named\"\n"
		 "a=1\nd=1\n. /etc/extra\n[ -r /etc/named ] && . /etc/named\n");
	assert_int_equal(confset_find(s, "a", &v, &e), 0);
	assert_string_equal(v.value, "local");
	assert_string_equal(v.doc->name, "/etc/rc.conf.local");
	assert_int_equal(confset_find(s, "b", &v, &e), 0);
	assert_string_equal(v.value, "extra");
	assert_true(v.included);
	assert_int_equal(confset_find(s, "d", &v, &e), 0);
	assert_string_equal(v.value, "named");
	/* A file that is read is not ours to change: the last word is said behind it. */
	assert_int_equal(confset_add_word(s, "c", "y", "", &e), 0);
	assert_int_equal(confset_find(s, "c", &v, &e), 0);
	assert_string_equal(v.value, "x y");
	now = result(s);
	assert_non_null(strstr(now, "&& . /etc/named\n" HEAD "c=\"x y\"\n"));
	/* One that is set in rc.conf.local is changed there. */
	assert_int_equal(confset_set(s, "a", "2", NULL, &e), 0);
	assert_string_equal(s->file[1].doc.text, "a=\"2\"\n");
	drop(s);
	put("/etc/rc.conf.local", "");
}

static struct confset *load_loader(const char *text)
{
	struct confset *s = calloc(1, sizeof(*s));
	struct err e = ERR_INIT;

	put("/boot/loader.conf", text);
	if (confset_load_loader(s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void loader(const char *text, const char *variable, const char *word,
    const char *want, const char *error)
{
	struct confset *s = load_loader(text);
	struct err e = ERR_INIT;
	int ret = confset_add_word(s, variable, word, "", &e);
	AUTO_FREE char *now = result(s);

	if ((ret < 0) != (error != NULL) || strcmp(now, want) != 0 ||
	    (error != NULL && strstr(e.msg, error) == NULL))
		fail_msg("%s: %d \"%s\" %s", text, ret, now, e.msg);
	drop(s);
}

static void the_loaders_file_is_edited(void **state)
{
	(void)state;
	loader("", "p", "1/0/0", HEAD "p=\"1/0/0\"\n", NULL);
	loader("p=\"2/0/0\"\r\n", "p", "1/0/0", "p=\"2/0/0 1/0/0\"\r\n", NULL);
	loader("p = \"2/0/0\" # x\n", "p", "1/0/0", "p = \"2/0/0 1/0/0\" # x\n", NULL);
	loader("p=\"2/0/0 1/0/0\"", "p", "1/0/0", "(same)", NULL);
	loader("p=\"x\"\np=\"y\"\n", "p", "z", "p=\"x\"\np=\"y z\"\n", NULL);
	loader("x=1\ny=\"2", "p", "z", "x=1\ny=\"2\n" HEAD "p=\"z\"\n", NULL);
	loader("p='2/0/0'\n", "p", "z", "(same)",
	    "/boot/loader.conf:1: a line that the loader does not understand");
	loader("p=\"2\" 3\n", "p", "z", "(same)", "loader.conf:1:");
	loader("p=\"$q\"\n", "p", "z", "(same)", "loader.conf:1: p is made of other");
	loader("p=YES\n", "p", "z", "p=\"YES z\"\n", NULL);
	put("/boot/loader.conf.d/a.conf", "p=\"d\"\n");
	struct confset *s = load_loader("p=\"1\"\n");
	struct err e = ERR_INIT;
	assert_int_equal(confset_add_word(s, "p", "2", "", &e), 0);
	AUTO_FREE char *now = result(s);
	assert_string_equal(now, "p=\"d 2\"\n");
	drop(s);
}

static void ini(const char *text, const char *want)
{
	AUTO_FREE char *out = NULL;
	size_t len;

	assert_int_equal(
	    ini_set(text, strlen(text), "card", "sim:open", &out, &len, NULL), 0);
	assert_string_equal(out, want);
	assert_int_equal(len, strlen(want));
}

static void keys_of_the_configuration_are_replaced_in_place(void **state)
{
	(void)state;
	ini("", "card = sim:open\n");
	ini("# card = a\nmtu = 1\n", "# card = a\nmtu = 1\ncard = sim:open\n");
	ini("mtu = 1", "mtu = 1\ncard = sim:open\n");
	ini(" card=a ; why\nmtu = 1\n", " card=sim:open ; why\nmtu = 1\n");
	ini("cards = a\ncard : a;b \r\n", "cards = a\ncard : sim:open \r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_what_sh_reads),
	    cmocka_unit_test(what_may_be_otherwise_is_not_known),
	    cmocka_unit_test(random_files_read_as_sh_reads_them),
	    cmocka_unit_test(edits_change_nothing_else),
	    cmocka_unit_test(what_cannot_be_known_is_refused_with_its_line),
	    cmocka_unit_test(other_files_count_too),
	    cmocka_unit_test(the_loaders_file_is_edited),
	    cmocka_unit_test(keys_of_the_configuration_are_replaced_in_place),
	};

	return cmocka_run_group_tests_name("setup-conf", tests, setup, teardown);
}
