/*
 * What each system test stands on: cmocka inside of namespaces of our own, one
 * fresh network namespace per test, and the promise that nothing is left.
 *
 *     static void associates(void **state)
 *     {
 *             struct inst *i = lab_inst(state, "wpa2");
 *             lab_up(i);
 *             ...
 *             lab_down(i);
 *     }
 *     LAB_MAIN("on", LAB_TEST(associates))
 *
 * The functions here assert; those of the other headers fill a struct err.
 */
#ifndef BHYFI_TEST_HARNESS_H
#define BHYFI_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child.h"
#include "err.h"
#include "inst.h"
#include "net.h"

#define LAB_INSTS 2

#define UP_MS 120000 /* `up --wait` under emulation, on a busy machine */
#define DOWN_MS 60000
#define COMMAND_MS 20000

/* `tag` (at most 8 letters) names the program's instances: programs run at the same
 * time. */
int lab_main(const char *tag, const struct CMUnitTest *tests, size_t n);

int lab_setup(void **state);
int lab_teardown(void **state);

#define LAB_TEST(f) cmocka_unit_test_setup_teardown(f, lab_setup, lab_teardown)
#define LAB_MAIN(tag, ...)                                                               \
	int main(void)                                                                   \
	{                                                                                \
		const struct CMUnitTest tests[] = {__VA_ARGS__};                         \
		return lab_main(tag, tests, sizeof(tests) / sizeof(tests[0]));           \
	}

/* Fails the test with the error's text unless rc is 0. */
#define ok(rc, e) lab_ok((rc) == 0, e, #rc, __FILE__, __LINE__)
void lab_ok(bool good, const struct err *e, const char *what, const char *file, int line);

/* An instance with the scenario's networks, its files written. BHYFI_TEST_IMAGE: another
 * image than the installed tree's current one, for any of the tests. */
struct inst *lab_inst(void **state, const char *scenario);
/* IMAGES/ID/NAME, or IMAGES/ID where the name is "", in one of four buffers. */
char *lab_image_path(const char *images, const char *id, const char *name);
/* Writes the files again, after inst_set or inst_network. */
void lab_write(const struct inst *i);

/* Online at the end, by `bhyfi up --wait`. */
void lab_up(struct inst *i);
/* As far as `bhyfi up --wait 0` goes. */
void lab_begin(struct inst *i);
/* Online again after a fault: waits for what the daemon does by itself. */
void lab_wait_online(const struct inst *i, int timeout_ms);
/* Writes the configuration, these lines behind `base`, and has bhyfid read it. Whether
 * something of it waits for the next start. */
bool lab_reload(struct inst *i, const char *base, const char *lines);
/* `bhyfi down`, status 0. */
void lab_down(struct inst *i);
/* Nothing of it is left but logs: no process, interface, file, mount. */
void lab_nothing_left(struct inst *i);

/* `bhyfi status --json`, a new reference. */
json_t *lab_status(const struct inst *i);
/* One order to the simulated WLAN: "kill what=agent signal=9". Its answer. */
json_t *lab_air(const struct inst *i, const char *request);
/* The pid of the VMM, from `status`. */
pid_t lab_vmm(const struct inst *i);
/* bhyfid is two processes: the privileged one is the other's parent. */
void lab_find_bhyfid(const struct inst *i, struct process *priv, struct process *main);
/* Kills both and waits until they are gone. */
void lab_kill_bhyfid(const struct inst *i);
/* Reachable: a DHCP lease and an answered ping. */
void lab_lan_works(const struct inst *i);

/* Runs a command that has to fail: with this status, one line on standard error
 * that begins with "bhyfi: " and contains each of the texts (NULL at the end). */
void lab_refuses(const struct inst *i, int status, const char *const command[],
    const char *const texts[]);

#endif
