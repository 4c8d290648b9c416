/* Which path mode auto takes, with doubles of paths, proofs and the supplicant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "choose.h"

const struct path_ops path_clone = {.name = "clone"}, path_wds = {.name = "wds"},
		      path_ap = {.name = "ap"}, path_macnat = {.name = "macnat"};

const struct path_ops *path_find(const char *mode)
{
	if (strcmp(mode, "auto") == 0 || strcmp(mode, "wds") == 0)
		return &path_wds;
	return strcmp(mode, "clone") == 0 ? &path_clone : NULL;
}

static struct {
	const struct path_ops *path;
	bool use_fails, proving;
	unsigned rejoins, changes, complaints;
	char complaint[256];
} w;

void proof_init(struct proof *p, struct event_base *base,
    void (*done)(void *arg, bool seen), void *arg)
{
	*p = (struct proof){.base = base, .done = done, .arg = arg, .fd = -1};
}

int proof_start(struct proof *p, unsigned ifindex, const uint8_t mac[6], struct err *e)
{
	(void)p;
	(void)ifindex;
	(void)mac;
	(void)e;
	w.proving = true;
	return 0;
}

void proof_stop(struct proof *p)
{
	(void)p;
	w.proving = false;
}

static int use(void *arg, const struct path_ops *ops, struct err *e)
{
	(void)arg;
	if (w.use_fails && ops == &path_wds)
		return err_set(e, ERR_FAILED, "not supported");
	w.path = ops;
	return 0;
}

static void rejoin(void *arg)
{
	(void)arg;
	w.rejoins++;
}

static void changed(void *arg)
{
	(void)arg;
	w.changes++;
}

static void complain(void *arg, const char *text)
{
	(void)arg;
	w.complaints++;
	snprintf(w.complaint, sizeof(w.complaint), "%s", text);
}

static const struct choose_ops ops = {use, rejoin, changed, complain};
static const struct radio radio = {.ifindex = 3};
static struct choose c;

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	choose_init(&c, NULL, &ops, NULL);
	return 0;
}

static void joined(uint8_t ap)
{
	const struct wlan_state s = {
	    .phase = WLAN_ASSOCIATED, .bssid = {2, 0, 0, 0, 0, ap}, .has_bssid = true};

	choose_state(&c, &s, &radio);
}

static void left(void)
{
	const struct wlan_state s = {.phase = WLAN_SCANNING};

	choose_state(&c, &s, &radio);
}

static void proof(bool seen)
{
	assert_true(w.proving);
	w.proving = false;
	c.proof.done(c.proof.arg, seen);
}

static void auto_takes_wds(void **state)
{
	(void)state;
	w.path = choose_mode(&c, "auto");
	assert_ptr_equal(w.path, &path_wds);
	joined(1);
	assert_false(choose_open(&c));
	proof(true);
	assert_true(choose_open(&c));
	assert_int_equal(w.changes, 1);
	assert_non_null(strstr(c.why, "02:00:00:00:00:01 answers"));
	/* The same news once more; the same mode once more. */
	joined(1);
	assert_ptr_equal(choose_mode(&c, "auto"), &path_wds);
	joined(1);
	assert_false(w.proving);
	assert_true(choose_open(&c));
	/* Each access point on its own. */
	left();
	assert_false(choose_open(&c));
	joined(2);
	assert_true(w.proving);
	assert_int_equal(w.rejoins, 0);
}

static void auto_falls_back(void **state)
{
	(void)state;
	w.path = choose_mode(&c, "auto");
	joined(1);
	proof(false);
	assert_ptr_equal(w.path, &path_clone);
	assert_int_equal(w.rejoins, 1);
	assert_false(choose_open(&c));
	left();
	joined(1);
	assert_false(w.proving);
	assert_true(choose_open(&c));
	assert_non_null(strstr(c.why, "no answer"));
	/* Another one may take it, and back: known. */
	left();
	joined(2);
	assert_ptr_equal(w.path, &path_wds);
	proof(true);
	assert_true(choose_open(&c));
	left();
	joined(1);
	assert_ptr_equal(w.path, &path_clone);
	assert_int_equal(w.rejoins, 2);
	left();
	joined(1);
	assert_true(choose_open(&c));
}

static void a_card_without_wds(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	w.path = choose_mode(&c, "auto");
	err_set(&e, ERR_FAILED, "4-address frames on: not supported");
	assert_true(choose_failed(&c, &e));
	assert_ptr_equal(w.path, &path_clone);
	joined(1);
	assert_false(w.proving);
	assert_true(choose_open(&c));
	assert_non_null(strstr(c.why, "not supported"));
	assert_ptr_equal(choose_mode(&c, "auto"), &path_clone);
	/* In mode wds it is an error. */
	choose_mode(&c, "wds");
	assert_false(choose_failed(&c, &e));
}

static void wds_only_complains(void **state)
{
	(void)state;
	w.path = choose_mode(&c, "wds");
	joined(1);
	assert_true(choose_open(&c));
	proof(false);
	assert_int_equal(w.complaints, 1);
	assert_non_null(strstr(w.complaint, "does it take WDS stations?"));
	assert_ptr_equal(w.path, &path_wds);
	assert_true(choose_open(&c));
	assert_int_equal(w.rejoins, 0);
}

static void other_modes_choose_nothing(void **state)
{
	(void)state;
	w.path = choose_mode(&c, "clone");
	joined(1);
	assert_false(w.proving);
	assert_true(choose_open(&c));
	/* From one mode to another while it is joined. */
	w.path = choose_mode(&c, "auto");
	assert_false(choose_open(&c));
	joined(1);
	assert_true(w.proving);
	w.path = choose_mode(&c, "clone");
	assert_false(w.proving);
	assert_true(choose_open(&c));
	assert_string_equal(c.why, "");
	assert_null(choose_mode(&c, "bridge"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(auto_takes_wds, setup),
	    cmocka_unit_test_setup(auto_falls_back, setup),
	    cmocka_unit_test_setup(a_card_without_wds, setup),
	    cmocka_unit_test_setup(wds_only_complains, setup),
	    cmocka_unit_test_setup(other_modes_choose_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
