/* Debian's formats: versions, dependencies, Release and Packages files, what gpgv and
 * apt-cache print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apt.h"
#include "cleanup.h"
#include "deb.h"
#include "debindex.h"
#include "debrelease.h"
#include "debverify.h"

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"

static struct err e;

static void versions_have_debians_order(void **state)
{
	/* Each is earlier than the next, and all are of one form. */
	static const char *const order[] = {"0~~", "0~~a", "0~", "0", "0-1", "0a", "0+",
	    "0.0", "0.1~rc1", "0.1~rc1-1", "0.1~rc10", "0.1", "0.1-0.1", "0.1-1~deb12u1",
	    "0.1-1", "0.1-1+b1", "0.1-1+deb12u1", "0.1-1.1", "0.1-2", "0.1-10", "0.1a-1",
	    "0.1+dfsg-1", "0.1.1", "0.2", "0.10", "1.0-1-1", "1.0-1-2",
	    "1.2.3~git2024-1~bpo", "6.1.0-56-amd64", "99999999999999999999999999",
	    "100000000000000000000000000", "1:0~", "1:0.1", "2:0", "2:2.10~rc1-1",
	    "2:2.10-12", "2:2.10-12+deb12u1", "10:0"};
	static const char *const same[][2] = {{"1.0", "1.0-0"}, {"0:1", "1"},
	    {"1.01", "1.1"}, {"1-00", "1-0"}, {"1.", "1.0"}, {"6.1.0-56", "6.1.0-056"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_true(deb_version_ok(order[i]));
		for (size_t k = 0; k < ARRAY_LEN(order); k++) {
			int r = deb_version_compare(order[i], order[k]);

			if ((r > 0) - (r < 0) != (i > k) - (i < k))
				fail_msg("%s and %s: %d", order[i], order[k], r);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_int_equal(deb_version_compare(same[i][0], same[i][1]), 0);
	assert_false(deb_version_ok(""));
	assert_false(deb_version_ok("a1"));
	assert_false(deb_version_ok("1/2"));
	assert_false(deb_version_ok("1 2"));
	assert_true(deb_version_fits("1", DEB_EARLIER, "2"));
	assert_false(deb_version_fits("2", DEB_EARLIER, "2"));
	assert_true(deb_version_fits("2", DEB_EARLIER_EQUAL, "2"));
	assert_true(deb_version_fits("2", DEB_EQUAL, "2.0-0") == false);
	assert_true(deb_version_fits("2", DEB_LATER_EQUAL, "2"));
	assert_true(deb_version_fits("3", DEB_LATER, "2"));
	assert_true(deb_version_fits("3", DEB_ANY, ""));
}

static void dependencies_have_clauses_and_alternatives(void **state)
{
	static const char *const bad[] = {"A", "aa (>= )", "aa (1)", "aa (>= 1", "aa bb",
	    "aa | | bb", "aa (>> x)", "aa (>= 1) (<< 2)", "| aa", "aa/bb"};
	const char *text = "libc6 (>= 2.36),aa:any|bb (<<2) |\n cc(=1:2-3) , dd,";
	struct deb_clause c;

	(void)state;
	assert_int_equal(deb_clause_next(&text, &c, &e), 1);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].name, "libc6");
	assert_int_equal(c.v[0].op, DEB_LATER_EQUAL);
	assert_string_equal(c.v[0].version, "2.36");
	assert_int_equal(deb_clause_next(&text, &c, &e), 1);
	assert_int_equal(c.n, 3);
	assert_string_equal(c.v[0].name, "aa");
	assert_int_equal(c.v[0].op, DEB_ANY);
	assert_int_equal(c.v[1].op, DEB_EARLIER);
	assert_string_equal(c.v[2].name, "cc");
	assert_string_equal(c.v[2].version, "1:2-3");
	assert_int_equal(deb_clause_next(&text, &c, &e), 1);
	assert_string_equal(c.v[0].name, "dd");
	assert_int_equal(deb_clause_next(&text, &c, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		text = bad[i];
		if (deb_clause_next(&text, &c, &e) != -1)
			fail_msg("taken: %s", bad[i]);
	}
}

static int parse(const char *text, struct deb_release *r)
{
	return deb_release_parse(text, strlen(text), r, &e);
}

static void a_release_names_its_lists(void **state)
{
	struct deb_release r;

	(void)state;
	assert_int_equal(
	    parse("Origin: Debian\nSuite: oldstable-security\n"
		  "Codename: bookworm-security\nDate: Sat, 21 Nov 2026 00:53:02 UTC\n"
		  "Valid-Until: Sat, 28 Nov 2026 00:53:02 UTC\nAcquire-By-Hash: yes\n"
		  "MD5Sum:\n 0123 1 main/binary-amd64/Packages.gz\nSHA256:\n " ZERO
		  "  12 main/binary-amd64/Packages.gz\n " ONES
		  "     7 main/binary-amd64/Packages.xz\n " ZERO
		  " 9 contrib/binary-amd64/Packages.gz\n " ZERO
		  " 9 main/binary-arm64/Packages.gz\n " ZERO
		  " 9 non-free/binary-amd64/Packages.xz\n " ZERO
		  " 9 non-free-firmware/binary-amd64/Packages.xz\nOther: x\n",
		&r),
	    0);
	assert_string_equal(r.codename, "bookworm-security");
	assert_true(r.by_hash);
	assert_int_equal(r.date, 1795222382);
	assert_int_equal(r.valid_until - r.date, 7 * 24 * 3600);
	assert_int_equal(r.file_count, 3);
	assert_string_equal(r.files[0].path, "main/binary-amd64/Packages.xz");
	assert_string_equal(r.files[0].sha256, ONES);
	assert_int_equal(r.files[0].size, 7);
	assert_string_equal(r.files[1].path, "contrib/binary-amd64/Packages.gz");
	assert_string_equal(r.files[2].component, "non-free-firmware");
	assert_int_equal(deb_release_check(&r, "bookworm-security", r.date, &e), 0);
	assert_int_equal(deb_release_check(&r, "oldstable-security", r.date, &e), 0);
	assert_int_equal(deb_release_check(&r, "bookworm", r.date, &e), -1);
	assert_int_equal(
	    deb_release_check(&r, "bookworm-security", r.date - 3600, &e), 0);
	assert_int_equal(
	    deb_release_check(&r, "bookworm-security", r.date - 90000, &e), -1);
	assert_int_equal(
	    deb_release_check(&r, "bookworm-security", r.valid_until + 1, &e), -1);
}

static void a_release_without_its_parts_is_refused(void **state)
{
	static const char date[] = "Date: Sat, 21 Nov 2026 00:53:02 UTC\n";
	static const char *const bad[] = {"", "SHA256:\n", "SHA256:\n x 1 y\n",
	    "SHA256:\n " ZERO " main/binary-amd64/Packages.xz\n",
	    "SHA256:\n " ZERO " 0 main/binary-amd64/Packages.xz\n",
	    "SHA256:\n " ZERO " 99999999999 main/binary-amd64/Packages.xz\n",
	    "SHA256:\n " ZERO "0 1 main/binary-amd64/Packages.xz\n",
	    "SHA256:\n " ZERO " 1 contrib/binary-amd64/Packages.xz\n",
	    "SHA256:\n " ZERO " 1 main/binary-amd64/Packages.xz\n " ZERO
	    " 1 main/binary-amd64/Packages.xz\n",
	    "SHA256:\n " ZERO " 1 main/binary-amd64/Packages.xz\nSHA256:\n",
	    "\nSHA256:\n " ZERO " 1 main/binary-amd64/Packages.xz\n"};
	static const char *const dates[] = {"Sat, 21 Nov 2026 00:53:02 CET",
	    "21 Nov 2026 00:53:02 UTC", "Sat, 41 Nov 2026 00:53:02 UTC",
	    "Sat, 21 nov 2026 00:53:02 UTC", "Sat, 21 Nov 2026 25:53:02 UTC",
	    "Sat, 21 ovD 2026 00:53:02 UTC", "Sat, 21 Nov 2026 00:53:02 UTC+", "", ","};
	struct deb_release r;
	int64_t t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char AUTO_FREE *text = NULL;

		assert_true(asprintf(&text, "%s%s", date, bad[i]) > 0);
		if (parse(text, &r) != -1)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(
	    parse("SHA256:\n " ZERO " 1 main/binary-amd64/Packages.xz\n", &r), -1);
	for (size_t i = 0; i < ARRAY_LEN(dates); i++)
		if (deb_date_parse(dates[i], &t) != -1)
			fail_msg("taken: %s", dates[i]);
	assert_int_equal(deb_date_parse("Thu, 1 Jan 1998 00:00:00 +0000", &t), 0);
	assert_int_equal(t, 883612800);
}

static void clear_signed_text_stands_alone(void **state)
{
	static const char begin[] =
	    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n";
	static const char sig[] = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n";
	static const char end[] = "-----END PGP SIGNATURE-----\n";
	static const struct {
		const char *part[5];
		bool ok;
	} cases[] = {{{begin, "x\n- -----dash\n", sig, end}, true},
	    {{begin, "x\n", sig, "-----END PGP SIGNATURE----- \r\n"}, true},
	    {{begin, "x\n", sig}, false}, {{begin, "x\n", end}, false},
	    {{"x\n", begin, "x\n", sig, end}, false},
	    {{begin, "x\n", sig, end, "x"}, false}, {{begin, begin, sig, end}, false},
	    {{begin, "-----x\n", sig, end}, false}, {{begin, sig, sig, end}, false},
	    {{""}, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[1024] = "";

		for (size_t k = 0; k < 5 && cases[i].part[k] != NULL; k++)
			strcat(text, cases[i].part[k]);
		if (deb_is_clearsigned(text, strlen(text)) != cases[i].ok)
			fail_msg("case %zu", i);
	}
}

#define SIG(what, digest)                                                                \
	"[GNUPG:] NEWSIG\n[GNUPG:] " what " 0011 A <a@b>\n"                              \
	"[GNUPG:] VALIDSIG 00112233 2026-11-21 1795222382 0 4 0 1 " digest " 01 0011\n"

static void one_good_signature_is_enough_and_a_bad_one_too_much(void **state)
{
	static const char missing[] = "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 77 1 8 01 1 9 -\n"
				      "[GNUPG:] NO_PUBKEY 77\n";
	static const struct {
		const char *a, *b;
		bool ok;
	} cases[] = {{SIG("GOODSIG", "8"), "", true}, {SIG("GOODSIG", "10"), "", true},
	    {SIG("GOODSIG", "8"), missing, true}, {missing, SIG("GOODSIG", "9"), true},
	    {missing, "", false}, {"", "", false}, {SIG("GOODSIG", "2"), "", false},
	    {SIG("EXPKEYSIG", "8"), "", false}, {SIG("REVKEYSIG", "8"), "", false},
	    {SIG("GOODSIG", "8"), SIG("BADSIG", "8"), false},
	    {"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0011 A\n", SIG("EXPSIG", "8"), false},
	    {"noise [GNUPG:] GOODSIG\n", "[GNUPG:] GOODSIG\n", false}};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s%s", cases[i].a, cases[i].b);
		if ((deb_verify_status(text, &e) == 0) != cases[i].ok)
			fail_msg("case %zu", i);
	}
	assert_int_equal(deb_verify_status(missing, &e), -1);
	assert_non_null(strstr(e.msg, "77"));
}

static void armour_is_taken_off(void **state)
{
	static const char good[] =
	    "x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: y\n\naGVsbG8gd29y\nbGQ=\n"
	    "=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n\n"
	    "-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nIQ==\r\n"
	    "-----END PGP PUBLIC KEY BLOCK-----\r\n";
	static const char *const bad[] = {"", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
	    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!!\n-----END PGP PUBLIC KEY "
	    "BLOCK-----\n",
	    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY "
	    "BLOCK-----\n",
	    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY "
	    "BLOCK-----\n"};
	unsigned char *out;
	size_t len;

	(void)state;
	assert_int_equal(deb_dearmour(good, strlen(good), &out, &len, &e), 0);
	assert_int_equal(len, 12);
	assert_memory_equal(out, "hello world!", 12);
	free(out);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(
		    deb_dearmour(bad[i], strlen(bad[i]), &out, &len, &e), -1);
		free(out);
	}
}

static void apt_says_what_is_newest(void **state)
{
	char *version;
	bool security;

	(void)state;
	assert_int_equal(
	    apt_parse_policy(
		"libc6:\n  Installed: 2.36-8\n  Candidate: 2.36-9+deb12u7\n"
		"  Version table:\n     2.36-9+deb12u7 500\n"
		"        500 http://h.example/debian bookworm/main amd64 Packages\n"
		"        500 http://h.example/s bookworm-security/main amd64 "
		"Packages\n *** 2.36-8 100\n        100 /var/lib/dpkg/status\n",
		&version, &security, &e),
	    0);
	assert_string_equal(version, "2.36-9+deb12u7");
	assert_true(security);
	free(version);
	assert_int_equal(
	    apt_parse_policy(
		"x:\n  Installed: (none)\n  Candidate: 2\n  Version table:\n"
		" *** 3 500\n        500 http://h b-security/main amd64 Packages\n"
		"     2 990\n        990 http://h bookworm/main amd64 Packages\n",
		&version, &security, &e),
	    0);
	assert_string_equal(version, "2");
	assert_false(security);
	free(version);
	assert_int_equal(apt_parse_policy("", &version, &security, &e), 0);
	assert_null(version);
	assert_int_equal(
	    apt_parse_policy("x:\n  Installed: (none)\n  Candidate: (none)\n", &version,
		&security, &e),
	    0);
	assert_null(version);
	assert_int_equal(
	    apt_parse_policy("x:\n  Candidate: ;;\n", &version, &security, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions_have_debians_order),
	    cmocka_unit_test(dependencies_have_clauses_and_alternatives),
	    cmocka_unit_test(a_release_names_its_lists),
	    cmocka_unit_test(a_release_without_its_parts_is_refused),
	    cmocka_unit_test(clear_signed_text_stands_alone),
	    cmocka_unit_test(one_good_signature_is_enough_and_a_bad_one_too_much),
	    cmocka_unit_test(armour_is_taken_off),
	    cmocka_unit_test(apt_says_what_is_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
