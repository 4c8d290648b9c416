/* No space where the state is written. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fs.h"
#include "harness.h"
#include "paths.h"

#define FILLING PATH_RUN "/filling"

/* A file system of its own under RUN, seen only by us. */
static void mount_small(void)
{
	struct err e = ERR_INIT;

	ok(fs_mkdir_p(PATH_RUN, 0755, &e), &e);
	/* Of a test before that failed. */
	umount2(PATH_RUN, MNT_DETACH);
	assert_int_equal(mount("none", PATH_RUN, "tmpfs", 0, "size=256k,mode=755"), 0);
}

static void fill(void)
{
	int fd = open(FILLING, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char block[4096];

	assert_true(fd >= 0);
	memset(block, 'x', sizeof(block));
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

/* Online, or failed with a reason. */
static void settled(const struct inst *i, struct child *up)
{
	struct err e = ERR_INIT;
	json_t *o;

	ok(child_wait(up, UP_MS, &e), &e);
	if (up->status == 0)
		return;
	assert_int_equal(strncmp(up->err, "bhyfi: ", 7), 0);
	assert_non_null(strstr(up->err, "space"));
	o = inst_json(i, COMMAND_MS, &e, "status", NULL);
	if (o) {
		assert_string_equal(text_at(o, "state"), "failed");
		assert_true(text_at(o, "last_error")[0]);
		json_decref(o);
	}
}

/* The daemon may be there still or not; afterwards nothing is. */
static void end(struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run(i, &c, DOWN_MS, &e, "down", NULL), &e);
	assert_true(c.status == 0 || c.status == ERR_NOT_RUNNING);
	child_free(&c);
	lab_nothing_left(i);
	assert_int_equal(umount(PATH_RUN), 0);
}

static void full_before_the_start(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child c;

	mount_small();
	fill();
	ok(inst_start(i, &c, &e, "up", "--wait", "100", NULL), &e);
	settled(i, &c);
	child_free(&c);
	end(i);
}

static void full_when_the_vm_has_to_start_again(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child c;
	int watch;

	mount_small();
	lab_up(i);
	watch = net_watch(&e);
	ok(watch < 0, &e);
	fill();
	assert_int_equal(kill(lab_vmm(i), SIGKILL), 0);
	ok(net_watch_carrier(watch, i->tap, false, 60000, &e), &e);
	close(watch);
	ok(inst_start(i, &c, &e, "up", "--wait", "100", NULL), &e);
	settled(i, &c);
	child_free(&c);
	end(i);
}

/* Space comes back: so does the machine. */
static void full_for_a_while(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child c;

	mount_small();
	fill();
	ok(inst_run(i, &c, UP_MS, &e, "up", "--wait", "100", NULL), &e);
	child_free(&c);
	assert_int_equal(unlink(FILLING), 0);
	lab_up(i);
	lab_lan_works(i);
	lab_down(i);
	assert_int_equal(umount(PATH_RUN), 0);
}

LAB_MAIN("disk", LAB_TEST(full_before_the_start),
    LAB_TEST(full_when_the_vm_has_to_start_again), LAB_TEST(full_for_a_while))
