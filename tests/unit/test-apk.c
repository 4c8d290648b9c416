/* Alpine's formats: versions, dependencies, the solver, indexes, packages' files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apk-repo.h"
#include "apk-solve.h"
#include "apk.h"
#include "alpine-repo.h"
#include "cleanup.h"
#include "fs.h"

static struct err e;

static void versions_are_ordered(void **state)
{
	/* a OP b, one rule of the order each; several from apk-tools' own test data. */
	static const struct {
		const char *a;
		char op;
		const char *b;
	} table[] = {{"1.0", '=', "1.0"}, {"1", '<', "2"}, {"2", '<', "10"},
	    {"1.2", '<', "1.10"}, {"1.2", '<', "1.2.1"}, {"1.2.1", '>', "1.2"},
	    /* A leading zero makes a part a fraction; not so the first part. */
	    {"1.09", '<', "1.1"}, {"1.01", '<', "1.1"}, {"1.010", '>', "1.01"},
	    {"1.1", '>', "1.08"}, {"1.00", '<', "1.1"}, {"0.0.16", '<', "0.6"},
	    {"006", '>', "1.0.0"}, {"006", '=', "6"}, {"1.06-r6", '<', "006"},
	    /* Letters. */
	    {"1.0a", '<', "1.0b"}, {"1.0", '<', "1.0a"}, {"1.0a", '<', "1.0.1"},
	    {"2.3.0b-r1", '<', "2.3.0b-r2"}, {"12.1b", '>', "12.1a"},
	    /* Suffixes before and behind a release. */
	    {"1.0_alpha", '<', "1.0_beta"}, {"1.0_beta", '<', "1.0_pre"},
	    {"1.0_pre", '<', "1.0_rc"}, {"1.0_rc", '<', "1.0"}, {"1.0", '<', "1.0_cvs"},
	    {"1.0_cvs", '<', "1.0_svn"}, {"1.0_svn", '<', "1.0_git"},
	    {"1.0_git", '<', "1.0_hg"}, {"1.0_hg", '<', "1.0_p"},
	    {"1.0_alpha", '<', "1.0_alpha1"}, {"1.0_alpha2", '<', "1.0_alpha10"},
	    {"1.0_p1", '<', "1.0_p2"}, {"1.0_rc1", '<', "1.0-r0"},
	    {"1.0_p1", '>', "1.0-r9"}, {"1.1", '>', "1.1_alpha1"},
	    {"1.0_alpha_rc1", '<', "1.0_alpha"}, {"1.0_alpha_p1", '>', "1.0_alpha"},
	    {"0.1.0_alpha2", '>', "0.1.0_alpha"}, {"3.1_p16", '<', "3.1_p17"},
	    {"1.0_git20240101", '<', "1.0_git20240102"},
	    /* Revisions, hashes. */
	    {"1.0-r0", '<', "1.0-r1"}, {"1.0-r9", '<', "1.0-r10"}, {"1.0", '<', "1.0-r0"},
	    {"1.0-r5", '<', "1.0.1-r0"}, {"1.0-r5", '<', "1.0a-r0"},
	    {"1.0~abc", '<', "1.0~abd"}, {"1.0", '<', "1.0~abc"},
	    {"1.0~abc-r1", '<', "1.0~abc-r2"}, {"2.2.39-r1", '>', "1.0.4-r3"},
	    {"2.59", '<', "20050718-r1"}, {"0.99.3.20040818", '<', "1.0"},
	    {"1.39", '>', "1.00_beta2"},
	    /* Numbers of any length. */
	    {"1.18446744073709551617", '>', "1.2"},
	    {"99999999999999999999999", '<', "99999999999999999999999.1"},
	    {"00000000000000000000000002", '=', "2"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int want = table[i].op == '<' ? -1 : table[i].op == '>';

		assert_true(apk_version_ok(table[i].a));
		assert_true(apk_version_ok(table[i].b));
		if (apk_version_compare(table[i].a, table[i].b) != want ||
		    apk_version_compare(table[i].b, table[i].a) != -want)
			fail_msg("not %s %c %s", table[i].a, table[i].op, table[i].b);
	}
}

static void what_is_no_version_is_refused(void **state)
{
	static const char *const bad[] = {"", "a", ".1", "1.", "1..2", "1.0bc", "1.0_",
	    "1.0_foo", "1.0_alpha1a", "1.0-r", "1.0-1", "1.0-r1-r2", "1.0~", "1.0~xyz",
	    "1.0-r1_p1", "1.0 ", "1.0\n", "../1", "1/2", "1.0A", "23_foo", "-1", "1a.2"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (apk_version_ok(bad[i]))
			fail_msg("%s passes as a version", bad[i]);
	/* Still ordered as far as they are. */
	assert_int_equal(apk_version_compare("23_foo", "4_beta"), 1);
	assert_int_equal(apk_version_compare("1.0", "1.0bc"), -1);
}

static void dependencies_are_matched(void **state)
{
	static const struct {
		const char *have, *dep;
		bool want;
	} table[] = {{"1.6.1", "x", true}, {"1.6.1", "x=1.6.1", true},
	    {"1.6.1-r0", "x=1.6.1", false}, {"1.6.2", "x>1.6.1", true},
	    {"1.6.1", "x>1.6.1", false}, {"1.6.1", "x>=1.6.1", true},
	    {"1.6.0", "x>=1.6.1", false}, {"1.6.0", "x<1.6.1", true},
	    {"1.6.1", "x<=1.6.1", true}, {"1.6", "x~1.6", true}, {"1.6.5", "x~1.6", true},
	    {"1.6.0_pre1", "x~1.6", true}, {"1.6.9_p1", "x~1.6", true},
	    {"1.7", "x~1.6", false}, {"1.60", "x~1.6", false}, {"1.7", "x>~1.6", true},
	    {"1.6.1", "x>~1.6", true}, {"1.5", "x>~1.6", false}, {"1.5", "x<~1.6", true},
	    {"1.6.3", "x<~1.6", true}, {"1.7", "x<~1.6", false},
	    {"1.6.1", "x=~1.6", true}, {NULL, "x>=1", true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char text[64], *p = text;
		struct apk_dep d;

		snprintf(text, sizeof(text), "%s", table[i].dep);
		assert_int_equal(apk_dep_next(&p, &d, &e), 1);
		assert_string_equal(d.name, "x");
		if (apk_version_match(table[i].have, d.op, d.version) != table[i].want)
			fail_msg("%s, %s", table[i].have, table[i].dep);
	}
}

static void lists_of_dependencies_are_taken_apart(void **state)
{
	char text[] = "  so:libc.musl-x86_64.so.1 !busybox<1.2  cmd:sh=1.0-r2 /bin/sh "
		      "pc:zlib>=1.2 ";
	static const char *const want[] = {"so:libc.musl-x86_64.so.1", "!busybox<1.2",
	    "cmd:sh=1.0-r2", "/bin/sh", "pc:zlib>=1.2"};
	static const char *const bad[] = {"x@edge", "x=", "x><Q1abc=", "x<>1", "x<=>1",
	    "=1", "!", "x=1=2", "x;y", "x=1.0bc", "x\1"};
	char *p = text, shown[128];
	struct apk_dep d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(apk_dep_next(&p, &d, &e), 1);
		apk_dep_show(&d, shown, sizeof(shown));
		assert_string_equal(shown, want[i]);
	}
	assert_int_equal(apk_dep_next(&p, &d, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(shown, sizeof(shown), "%s", bad[i]);
		p = shown;
		if (apk_dep_next(&p, &d, &e) != -1)
			fail_msg("%s passes as a dependency", bad[i]);
	}
}

#define ID "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static struct apk_index x;

/* Lines "P:a|V:1|D:b|" ..., one package each; C and S are added. */
static void make_index(const char *const *packages, size_t n)
{
	apk_index_free(&x);
	for (size_t i = 0; i < n; i++) {
		char *text = malloc(2048), *p = text;

		p += sprintf(p, ID "S:1\nI:1\n");
		for (const char *s = packages[i]; *s != '\0'; s++)
			*p++ = *s == '|' ? '\n' : *s;
		p += sprintf(p, "\n\n");
		assert_int_equal(
		    apk_index_add(&x, text, (size_t)(p - text), (unsigned)i, &e), 0);
	}
	assert_int_equal(apk_index_ready(&x, &e), 0);
}

/* The names of the solution in their order, or "!" and the error. */
static const char *solve(const char *wishes)
{
	static char out[1024];
	char text[256], *p = text;
	struct apk_dep deps[16];
	struct apk_solution s;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", wishes);
	while (apk_dep_next(&p, &deps[n], NULL) == 1)
		n++;
	out[0] = '\0';
	if (apk_solve(&x, deps, n, &s, &e) < 0)
		snprintf(out, sizeof(out), "!%s", e.msg);
	for (size_t i = 0; i < s.n; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s-%s",
		    i == 0 ? "" : " ", x.packages[s.v[i]].name,
		    x.packages[s.v[i]].version);
	apk_solution_free(&s);
	return out;
}

#define INDEX(...)                                                                       \
	do {                                                                             \
		static const char *const packages[] = {__VA_ARGS__};                     \
		make_index(packages, ARRAY_LEN(packages));                               \
	} while (0)

static void the_solver_follows_dependencies(void **state)
{
	(void)state;
	INDEX("P:a|V:1|D:so:libb.so.1 cmd:c>=2|", "P:b|V:2|p:so:libb.so.1=1.2.3|",
	    "P:b|V:1|p:so:libb.so.1=1.0|", "P:c|V:1|p:cmd:c=1|", "P:d|V:1|p:cmd:c=2-r1|");
	assert_string_equal(solve("a"), "a-1 b-2 d-1");
	assert_string_equal(solve("b<2 a"), "b-1 a-1 d-1");
	assert_string_equal(solve("a b=1"), "a-1 b-1 d-1");
	/* A loop is none of its business. */
	INDEX("P:a|V:1|D:b|", "P:b|V:1|D:c|", "P:c|V:1|D:a so:c|p:so:c=1|");
	assert_string_equal(solve("b"), "b-1 c-1 a-1");
	INDEX("P:a|V:1|D:a|");
	assert_string_equal(solve("a"), "a-1");
}

static void the_solver_says_what_is_missing(void **state)
{
	(void)state;
	INDEX("P:a|V:1|D:b|", "P:b|V:1-r0|D:so:x.so.1|", "P:c|V:1|D:b>=2|",
	    "P:d|V:1|D:!e f|", "P:f|V:1|D:e|", "P:e|V:1|");
	assert_string_equal(solve("a"),
	    "!packages: b-1-r0 needs so:x.so.1, which no package is or provides");
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_string_equal(solve("zz"),
	    "!packages: the image needs zz, which no package is or provides");
	assert_string_equal(solve("c"), "!packages: c-1 needs b>=2, there is b-1-r0");
	assert_string_equal(solve("d"), "!packages: d-1 and e-1 exclude each other (e)");
	assert_string_equal(
	    solve("e d"), "!packages: d-1 and e-1 exclude each other (e)");
	assert_string_equal(
	    solve("e !e"), "!packages: the image and e-1 exclude each other (e)");
}

static void the_solver_goes_back(void **state)
{
	(void)state;
	/* The newest b would need a d that c can not live with. */
	INDEX("P:a|V:1|D:b c|", "P:b|V:2|D:d=2|", "P:b|V:1|D:d=1|", "P:c|V:1|D:d<2|",
	    "P:d|V:2|", "P:d|V:1|");
	assert_string_equal(solve("a"), "a-1 b-1 c-1 d-1");
	INDEX("P:a|V:1|D:m|", "P:m|V:1|p:n=1|D:gone|", "P:o|V:1|p:m=0.5|");
	assert_string_equal(solve("a"), "a-1 o-1");
}

static void the_solver_chooses_among_providers(void **state)
{
	(void)state;
	/* Without a version: by priority, or where something else brings it. */
	INDEX("P:a|V:1|D:init|", "P:b|V:1|p:init|", "P:c|V:1|p:init|k:10|",
	    "P:d|V:1|p:init|k:5|");
	assert_string_equal(solve("a"), "a-1 c-1");
	assert_string_equal(solve("a b"), "a-1 b-1");
	INDEX("P:a|V:1|D:init|", "P:b|V:1|p:init|");
	assert_string_equal(solve("a"),
	    "!packages: a-1 needs init, which is not chosen by itself (b-1 provides it)");
	/* With one they exclude each other; the newest is taken, then the priority, then
	 * the first repository. */
	INDEX("P:b|V:1|p:v=1|", "P:c|V:1|p:v=2|", "P:d|V:1|p:v=2|k:1|");
	assert_string_equal(solve("v"), "d-1");
	assert_string_equal(solve("v<2"), "b-1");
	assert_string_equal(
	    solve("b c"), "!packages: c-1 and b-1 exclude each other (v)");
	INDEX("P:b|V:1|p:v=1|", "P:c|V:1|p:v=1|");
	assert_string_equal(solve("v"), "b-1");
}

static void what_is_to_come_along_does(void **state)
{
	(void)state;
	INDEX("P:a|V:1|", "P:docs|V:1|", "P:a-doc|V:1|i:docs a=1|",
	    "P:a-x|V:1|i:docs a=2|", "P:a-y|V:1|i:a-doc !b|D:gone|", "P:b|V:1|");
	assert_string_equal(solve("a"), "a-1");
	assert_string_equal(solve("a docs"), "a-1 docs-1 a-doc-1");
}

static void the_solver_is_bounded(void **state)
{
	char *text = malloc(1 << 20), *p = text;
	static const char *const none[] = {""};

	(void)state;
	/* 2^30 ways, none of which works. */
	for (int i = 0; i < 30; i++)
		for (int v = 0; v < 2; v++)
			p += sprintf(
			    p, ID "S:1\nP:p%d\nV:%d\nD:p%d q>%d\n\n", i, v + 1, i + 1, 5);
	p += sprintf(p, ID "S:1\nP:p30\nV:1\nD:q=1\n\n");
	for (int v = 1; v < 10; v++)
		p += sprintf(p, ID "S:1\nP:q\nV:%d\n\n", v);
	make_index(none, 0);
	assert_int_equal(apk_index_add(&x, text, (size_t)(p - text), 0, &e), 0);
	assert_int_equal(apk_index_ready(&x, &e), 0);
	assert_int_equal(*solve("p0"), '!');
	apk_index_free(&x);
}

static void an_index_is_read(void **state)
{
	static const char text[] =
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nP:a\nV:1-r0\nA:x86_64\nS:100\nI:4096\n"
	    "T:text: with = anything\nL:MIT\nk:7\nD:b\np:cmd:a=1-r0\ni:c d\nz:new\n\n"
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nP:foreign\nV:1\nA:aarch64\nS:1\n\n"
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nP:../up\nV:1\nA:noarch\nS:1\n\n"
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nP:tagged\nV:1\nS:1\nD:x@edge\n\n"
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ\nP:bad-id\nV:1\nS:1\n\n"
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nP:huge\nV:1\nS:99999999999999\n\n"
	    "C:Q1AQIDBAUGBwgJCgsMDQ4PEBESExQ=\nP:new-kind\nV:1\nS:1\nX:y\n\n"
	    "P:no-id\nV:1\nS:1\n\n"
	    "C:Q2AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\nP:n\nV:1\nA:noarch\nS:1";
	static const uint8_t id[] = {
	    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
	size_t n, usable = 0;

	(void)state;
	assert_int_equal(apk_index_add(&x, strdup(text), sizeof(text) - 1, 3, &e), 0);
	assert_int_equal(apk_index_ready(&x, &e), 0);
	assert_int_equal(x.package_count, 9);
	assert_string_equal(x.packages[0].version, "1-r0");
	assert_int_equal(x.packages[0].id_len, 20);
	assert_memory_equal(x.packages[0].id, id, 20);
	assert_int_equal(x.packages[0].priority, 7);
	assert_int_equal(x.packages[0].repo, 3);
	assert_int_equal(x.packages[0].install_if.n, 2);
	assert_int_equal(x.packages[8].id_len, 32);
	for (size_t i = 0; i < x.package_count; i++)
		usable += x.packages[i].usable;
	assert_int_equal(usable, 2);
	assert_string_equal(apk_index_providers(&x, "cmd:a", &n)->version, "1-r0");
	assert_int_equal(n, 1);
	apk_index_providers(&x, "foreign", &n);
	assert_int_equal(n, 0);
	assert_int_equal(apk_index_add(&x, strdup("P:a\nno field\n"), 13, 0, &e), -1);
	assert_string_equal(e.msg, "index: line 2: no field");
	apk_index_free(&x);
}

static void pkginfo_is_read(void **state)
{
	static const char good[] =
	    "# x\npkgname = a\npkgver = 1-r0\npkgdesc = pkgname = b\nsize = 1\n"
	    "datahash = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char *const bad[] = {"", "pkgname = a\n", "pkgname = \npkgver = 1\n",
	    "pkgname = a\npkgver = 1\npkgname = b\n",
	    "pkgname = a\npkgver = 1\ndatahash = 12\n",
	    ("pkgname = a\npkgver = 1\ndatahash = "
	     "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n")};
	struct apk_pkginfo info;

	(void)state;
	assert_int_equal(apk_pkginfo_parse(good, sizeof(good) - 1, &info, &e), 0);
	assert_string_equal(info.name, "a");
	assert_string_equal(info.version, "1-r0");
	assert_int_equal(strlen(info.datahash), 64);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
		    apk_pkginfo_parse(bad[i], strlen(bad[i]), &info, &e), -1);
}

/* ------------------------------------------------------------------------------------ */

static struct apk_repo repo;
static char top[64];

static int open_repo(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-apk-XXXXXX");
	assert_non_null(mkdtemp(top));
	apk_repo_open(&repo, top);
	return 0;
}

static int close_repo(void **state)
{
	(void)state;
	apk_repo_close(&repo);
	return fs_remove_tree(top, NULL);
}

static int read_index(char **text)
{
	char path[512];
	struct apk_keys *keys;
	size_t len;
	int fd, r;

	snprintf(path, sizeof(path), "%s/" APK_REPO_BRANCH "/main/x86_64/APKINDEX.tar.gz",
	    repo.dir);
	fd = open(path, O_RDONLY);
	assert_int_equal(apk_keys_load(repo.keys, &keys, &e), 0);
	r = apk_index_read(fd, keys, text, &len, &e);
	apk_keys_free(keys);
	close(fd);
	return r;
}

static void an_index_is_verified(void **state)
{
	static const char *const algorithms[] = {"RSA", "RSA256", "RSA512"};
	static const struct {
		enum index_fault fault;
		const char *why;
	} faults[] = {{INDEX_UNSIGNED, "not signed"},
	    {INDEX_WRONG, "wrong signature, by key test-4a5b6c7d.rsa.pub"},
	    {INDEX_FORGED, "wrong signature, by key test-4a5b6c7d.rsa.pub"},
	    {INDEX_UNKNOWN, "signed by stranger.rsa.pub, a key that is not trusted"},
	    {INDEX_TRUNCATED, "wrong signature, by key test-4a5b6c7d.rsa.pub"},
	    {INDEX_MORE, "wrong signature, by key test-4a5b6c7d.rsa.pub"}};
	char *text;

	(void)state;
	apk_repo_line(&repo, "P:a\nV:1\n\n");
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		apk_repo_index(&repo, algorithms[i], INDEX_GOOD);
		assert_int_equal(read_index(&text), 0);
		assert_string_equal(text, "P:a\nV:1\n\n");
		free(text);
	}
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		apk_repo_index(&repo, "RSA", faults[i].fault);
		assert_int_equal(read_index(&text), -1);
		assert_string_equal(e.msg, faults[i].why);
	}
}

static void an_index_is_bounded(void **state)
{
	char path[512];
	char *text;

	(void)state;
	apk_repo_line(&repo, "P:a\nV:1\n\n");
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	snprintf(path, sizeof(path), "%s/" APK_REPO_BRANCH "/main/x86_64/APKINDEX.tar.gz",
	    repo.dir);
	assert_int_equal(truncate(path, (off_t)APK_INDEX_FILE_MAX + 1), 0);
	assert_int_equal(read_index(&text), -1);
	assert_string_equal(e.msg, "an index of more than 33554432 bytes");
	/* Small in the file, large when inflated; signed, so that it is. */
	text = malloc(1 << 20);
	memset(text, '\n', 1 << 20);
	text[(1 << 20) - 1] = '\0';
	for (unsigned i = 0; i < 130; i++)
		apk_repo_line(&repo, text);
	free(text);
	apk_repo_index(&repo, "RSA", INDEX_GOOD);
	assert_int_equal(read_index(&text), -1);
	assert_string_equal(e.msg, "more than 134217728 bytes when inflated");
}

static void keys_are_checked(void **state)
{
	struct apk_keys *keys;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/nowhere", top);
	assert_int_equal(apk_keys_load(path, &keys, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	snprintf(path, sizeof(path), "%s/zz.pub", repo.keys);
	assert_int_equal(fs_write_atomic(path, 0644, "x", 1, &e), 0);
	assert_int_equal(apk_keys_load(repo.keys, &keys, &e), -1);
	assert_non_null(strstr(e.msg, "zz.pub: not an RSA public key"));
}

static void branches_are_checked(void **state)
{
	static const char *const good[] = {
	    "v3.20", "v3.21", "v3.100", "latest-stable", "edge"};
	static const char *const bad[] = {"", "v3.19", "3.21", "v4.0", "v3.", "v3.21/..",
	    "../x", "v3.2 1", "v3.1000", "v3", "latest"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(alpine_branch_check(good[i], &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (alpine_branch_check(bad[i], &e) == 0)
			fail_msg("%s passes as a branch", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(versions_are_ordered),
	    cmocka_unit_test(what_is_no_version_is_refused),
	    cmocka_unit_test(dependencies_are_matched),
	    cmocka_unit_test(lists_of_dependencies_are_taken_apart),
	    cmocka_unit_test(the_solver_follows_dependencies),
	    cmocka_unit_test(the_solver_says_what_is_missing),
	    cmocka_unit_test(the_solver_goes_back),
	    cmocka_unit_test(the_solver_chooses_among_providers),
	    cmocka_unit_test(what_is_to_come_along_does),
	    cmocka_unit_test(the_solver_is_bounded), cmocka_unit_test(an_index_is_read),
	    cmocka_unit_test(pkginfo_is_read),
	    cmocka_unit_test_setup_teardown(an_index_is_verified, open_repo, close_repo),
	    cmocka_unit_test_setup_teardown(an_index_is_bounded, open_repo, close_repo),
	    cmocka_unit_test_setup_teardown(keys_are_checked, open_repo, close_repo),
	    cmocka_unit_test(branches_are_checked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
