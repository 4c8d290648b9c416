/* Signatures and the host's keys: our own, those of signify and minisign, and what is no
 * signature. */
#include <fcntl.h>
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
#include "fs.h"
#include "image.h"
#include "keyring.h"
#include "manifest.h"
#include "sign.h"

static char top[32];
static struct err e;

static char *at(const char *name)
{
	static char path[4][160];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", top, name);
	return p;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(fs_write_atomic(at(name), 0644, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	static char public[64], secret[64];

	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-sign-XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(public, sizeof(public), "%s/trusted", top);
	snprintf(secret, sizeof(secret), "%s/secret", top);
	keyring_paths = (struct keyring_paths){public, secret};
	e = (struct err)ERR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(top, &e);
}

/* What signify wrote: `signify -G -n`, then `signify -S`. */
static const char known_public[] =
    "untrusted comment: test public key\n"
    "RWQBAgMEBQYHCNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea\n";
/* RFC 8032, 7.1, test 1: the signature of nothing with that key. */
static const char known_signature[] =
    "untrusted comment: verify with test.pub\n"
    "RWQBAgMEBQYHCOVWQwDDYKxykIbizIBugoqEh38euOXZdNhz4GUiSQFVX7iCFZCjO6zGHjlwHPm0a9Jb"
    "9fBZW74kZVFBQ456EAs=\n";

static void a_known_signature(void **state)
{
	struct sign_public k;
	struct signature s;
	char number[SIGN_NUMBER_TEXT];

	(void)state;
	assert_int_equal(
	    sign_public_parse(known_public, strlen(known_public), &k, &e), 0);
	assert_int_equal(sign_parse(known_signature, strlen(known_signature), &s, &e), 0);
	assert_int_equal(sign_check(&s, &k, "", 0, &e), 0);
	assert_int_equal(sign_check(&s, &k, "x", 1, &e), -1);
	sign_number_text(k.number, number);
	assert_string_equal(number, "0807060504030201");
}

static void what_we_sign_we_check(void **state)
{
	static const char text[] = "a manifest";
	struct sign_secret k, again, other;
	struct sign_public p;
	struct signature s;
	char *sig, *public, *secret;

	(void)state;
	assert_int_equal(sign_secret_make(&k, &e), 0);
	assert_int_equal(sign_secret_make(&other, &e), 0);
	sig = sign_text(&k, "verify with it", text, sizeof(text), &e);
	public = sign_public_text(&k.public, "it", &e);
	secret = sign_secret_text(&k, "it", &e);
	assert_non_null(sig);
	assert_non_null(public);
	assert_non_null(secret);
	assert_int_equal(sign_parse(sig, strlen(sig), &s, &e), 0);
	assert_int_equal(sign_public_parse(public, strlen(public), &p, &e), 0);
	assert_int_equal(sign_secret_parse(secret, strlen(secret), &again, &e), 0);
	assert_memory_equal(&again, &k, sizeof(k));
	assert_int_equal(sign_check(&s, &p, text, sizeof(text), &e), 0);
	assert_int_equal(sign_check(&s, &p, "a Manifest", sizeof(text), &e), -1);
	assert_int_equal(sign_check(&s, &p, text, sizeof(text) - 1, &e), -1);
	assert_int_equal(sign_check(&s, &other.public, text, sizeof(text), &e), -1);
	assert_non_null(strstr(e.msg, "another key"));
	/* One that has the right number, and is another nevertheless. */
	memcpy(other.public.number, k.public.number, SIGN_NUMBER);
	assert_int_equal(sign_check(&s, &other.public, text, sizeof(text), &e), -1);
	for (size_t i = 0; i < SIGN_SIGNATURE; i++) {
		s.sig[i] ^= 1;
		assert_int_equal(sign_check(&s, &p, text, sizeof(text), &e), -1);
		s.sig[i] ^= 1;
	}
	free(sig);
	free(public);
	free(secret);
}

static void no_signature_at_all(void **state)
{
	const char *const wrong[] = {"", "\n", "untrusted comment: x\n",
	    "untrusted comment: x\nRWQ=\n", "trusted comment: x\nRWQ=\n",
	    "untrusted comment: x\n!!!!\n"};
	char text[sizeof(known_signature) + 64];
	struct signature s;
	struct sign_public k;
	struct sign_secret secret;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(sign_parse(wrong[i], strlen(wrong[i]), &s, &e), -1);
		assert_int_equal(
		    sign_public_parse(wrong[i], strlen(wrong[i]), &k, &e), -1);
		assert_int_equal(
		    sign_secret_parse(wrong[i], strlen(wrong[i]), &secret, &e), -1);
	}
	/* Cut anywhere, it is none; but for the last newline. */
	for (size_t n = 0; n + 1 < strlen(known_signature); n++)
		assert_int_equal(sign_parse(known_signature, n, &s, &e), -1);
	snprintf(text, sizeof(text), "%smore\n", known_signature);
	assert_int_equal(sign_parse(text, strlen(text), &s, &e), -1);
	snprintf(text, sizeof(text), "%s", known_signature);
	*strstr(text, "RWQ") = 'S'; /* not "Ed" */
	assert_int_equal(sign_parse(text, strlen(text), &s, &e), -1);
	/* A public key is no signature. */
	assert_int_equal(sign_parse(known_public, strlen(known_public), &s, &e), -1);
}

static void locked_secret_keys(void **state)
{
	struct sign_secret k, again;
	char *secret, *line;

	(void)state;
	assert_int_equal(sign_secret_make(&k, &e), 0);
	secret = sign_secret_text(&k, "it", &e);
	assert_non_null(secret);
	line = strchr(secret, '\n') + 1;
	/* In the number of rounds: bytes 4 to 7. */
	line[9] = 'q';
	assert_int_equal(sign_secret_parse(secret, strlen(secret), &again, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "passphrase"));
	free(secret);
	secret = sign_secret_text(&k, "it", &e);
	line = strchr(secret, '\n') + 1;
	line[80] = line[80] == 'A' ? 'B' : 'A';
	assert_int_equal(sign_secret_parse(secret, strlen(secret), &again, &e), -1);
	assert_non_null(strstr(e.msg, "damaged"));
	free(secret);
}

static int run(const char *const argv[])
{
	struct cmd_opts opts = {.timeout_ms = 60000, .quiet = 1};
	struct err why = ERR_INIT;
	int ret = cmd_run(argv, &opts, NULL, NULL, &why);

	if (ret < 0)
		print_message("# %s\n", why.msg);
	return ret;
}

/* An image's folder as far as signatures go. */
static void make_manifest(const char *dir)
{
	char name[64];

	assert_int_equal(fs_mkdir_p(at(dir), 0755, &e), 0);
	snprintf(name, sizeof(name), "%s/manifest.json", dir);
	put(name, "{\"format\": 1}\n");
}

static void the_key_of_a_host(void **state)
{
	char signer[SIGN_NUMBER_TEXT], path[64];
	struct sign_secret k;
	struct stat st;

	(void)state;
	make_manifest("image");
	assert_int_equal(image_trusted(at("image"), signer, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "not signed"));
	assert_int_equal(image_sign(at("image"), NULL, &e), 0);
	assert_int_equal(image_trusted(at("image"), signer, &e), 0);
	assert_int_equal(stat(at("secret/host.sec"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(at("secret"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "trusted/bhyfi-%s.pub", signer);
	assert_int_equal(access(at(path), R_OK), 0);
	/* The next build uses the same one. */
	assert_int_equal(keyring_host(&k, &e), 0);
	make_manifest("second");
	assert_int_equal(image_sign(at("second"), "", &e), 0);
	assert_int_equal(image_trusted(at("second"), signer, &e), 0);
	/* Not the manifest that was signed. */
	put("image/manifest.json", "{\"format\": 2}\n");
	assert_int_equal(image_trusted(at("image"), signer, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "not what was signed"));
	assert_non_null(strstr(e.msg, "image/manifest.json"));
	/* Whose key is not known any more. */
	assert_int_equal(unlink(at(path)), 0);
	assert_int_equal(image_trusted(at("second"), signer, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "not trusted"));
	assert_non_null(strstr(e.hint, "trusted"));
	/* The image brings its key along: putting it there is what trust is. */
	assert_int_equal(rename(at("second/manifest.json.pub"), at("trusted/a.pub")), 0);
	assert_int_equal(image_trusted(at("second"), signer, &e), 0);
	/* A key that everybody can change is none. */
	assert_int_equal(chmod(at("trusted/a.pub"), 0666), 0);
	assert_int_equal(image_trusted(at("second"), signer, &e), -1);
	/* A secret one that others can read is not used. */
	assert_int_equal(chmod(at("secret/host.sec"), 0644), 0);
	assert_int_equal(image_sign(at("second"), NULL, &e), -1);
}

static bool installed(const char *program)
{
	char path[64];

	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	if (access(path, X_OK) == 0)
		return true;
	print_message("# %s is not installed\n", program);
	return false;
}

/* What signify signed is checked here, and what is signed here is checked by it. */
static void with_signify(void **state)
{
	char signer[SIGN_NUMBER_TEXT];

	(void)state;
	if (!installed("signify-openbsd"))
		return;
	make_manifest("image");
	assert_int_equal(mkdir(at("trusted"), 0755), 0);
	const char *const generate[] = {"/usr/bin/signify-openbsd", "-G", "-n", "-p",
	    at("trusted/other.pub"), "-s", at("other.sec"), NULL};

	assert_int_equal(run(generate), 0);
	const char *const sign[] = {"/usr/bin/signify-openbsd", "-S", "-s",
	    at("other.sec"), "-m", at("image/manifest.json"), NULL};

	assert_int_equal(run(sign), 0);
	assert_int_equal(image_trusted(at("image"), signer, &e), 0);
	/* Its secret key is ours to sign with; then it is its turn. */
	assert_int_equal(unlink(at("image/manifest.json.sig")), 0);
	assert_int_equal(image_sign(at("image"), at("other.sec"), &e), 0);
	assert_int_equal(image_trusted(at("image"), signer, &e), 0);
	const char *const verify[] = {"/usr/bin/signify-openbsd", "-V", "-p",
	    at("image/manifest.json.pub"), "-m", at("image/manifest.json"), NULL};

	assert_int_equal(run(verify), 0);
	put("image/manifest.json", "{}");
	assert_int_not_equal(run(verify), 0);
	/* And with a key that was made here. */
	assert_int_equal(image_sign(at("image"), NULL, &e), 0);
	assert_int_equal(run(verify), 0);
}

static void minisign_signs(const char *kind)
{
	const char *const plain[] = {"/usr/bin/minisign", "-S", kind, "-W", "-s",
	    at("mini.key"), "-m", at("image/manifest.json"), NULL};
	char signer[SIGN_NUMBER_TEXT];

	put("image/manifest.json", kind);
	assert_int_equal(run(plain), 0);
	assert_int_equal(image_trusted(at("image"), signer, &e), 0);
	put("image/manifest.json", "{}");
	assert_int_equal(image_trusted(at("image"), signer, &e), -1);
	assert_non_null(strstr(e.msg, "not what was signed"));
}

static void with_minisign(void **state)
{
	char signer[SIGN_NUMBER_TEXT], *text, *comment;
	size_t len;

	(void)state;
	if (!installed("minisign"))
		return;
	make_manifest("image");
	assert_int_equal(mkdir(at("trusted"), 0755), 0);
	const char *const generate[] = {"/usr/bin/minisign", "-G", "-W", "-p",
	    at("trusted/mini.pub"), "-s", at("mini.key"), NULL};

	assert_int_equal(run(generate), 0);
	minisign_signs("-l"); /* of the file */
	minisign_signs("-H"); /* of its BLAKE2b */
	put("image/manifest.json", "-H");
	assert_int_equal(image_trusted(at("image"), signer, &e), 0);
	/* Its comment is signed, too. */
	text = NULL;
	assert_int_equal(
	    fs_read_file(at("image/manifest.json.minisig"), 4096, &text, &len, &e), 0);
	comment = strstr(text, "\ntrusted comment: ");
	assert_non_null(comment);
	comment[20]++;
	put("image/manifest.json.minisig", text);
	free(text);
	assert_int_equal(image_trusted(at("image"), signer, &e), -1);
	assert_non_null(strstr(e.msg, "comment"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_known_signature),
	    TEST(what_we_sign_we_check),
	    TEST(no_signature_at_all),
	    TEST(locked_secret_keys),
	    TEST(the_key_of_a_host),
	    TEST(with_signify),
	    TEST(with_minisign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
