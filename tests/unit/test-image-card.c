/* What a card brings into an image, and why each file is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "image-root.h"
#include "log.h"

static void a_card_brings_its_driver_and_firmware(void **state)
{
	json_t *m;

	(void)state;
	assert_int_equal(build("card", "1234:5678", false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION); /* no firmware */
	put("root/lib/firmware/toy.bin", "fw", 2);
	assert_int_equal(build("card", "1234:5678", false, NULL), 0);
	m = json_load_file(at("card/manifest.json"), 0, NULL);
	assert_non_null(listed(m, "initrd", "/usr/lib/firmware/toy.bin"));
	assert_non_null(listed(m, "initrd",
	    "/usr/lib/modules/" VERSION "/kernel/drivers/net/wireless/toy.ko"));
	json_decref(m);
	assert_int_equal(build("card2", "1234:9999", false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(build("card2", "1234", false, NULL), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_clean();
}

static const char *why_of(const json_t *m, const char *path)
{
	const json_t *o = listed(m, "initrd", path);

	assert_non_null(o);
	return json_string_value(json_object_get(o, "why"));
}

#define DRIVERS "/usr/lib/modules/" VERSION "/kernel/drivers/"

static void put_bcma(void)
{
	MODULE("drivers/bcma/bcma", "alias=pci:v000014E4d00004331sv*sd*bc*sc*i*");
	MODULE("drivers/net/wireless/b43",
	    "depends=bcma\0alias=bcma:m04BFid0812rev1Dcl*\0firmware=b43/ucode5.fw");
	MODULE("drivers/net/wireless/brcmsmac",
	    "depends=bcma\0alias=bcma:m04BFid0812rev17cl*\0firmware=brcm/x-0.fw");
}

/* The card's own driver makes a bus; the radio's is found by that bus's alias. */
static void a_card_with_a_bus_of_its_own(void **state)
{
	char own[128];
	json_t *m;

	(void)state;
	put_bcma();
	assert_int_equal(build("bcm", "14e4:4331", false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "--firmware"));
	put("own/b43/ucode29_mimo.fw", "1", 1);
	put("own/b43/ht0initvals29.fw", "2", 1);
	put("own/b43/ht0bsinitvals29.fw", "3", 1);
	snprintf(own, sizeof(own), "%s", at("own"));
	assert_int_equal(
	    build_with((struct image_options){.card = "14e4:4331", .firmware = own},
		"bcm", NULL),
	    0);
	m = json_load_file(at("bcm/manifest.json"), 0, NULL);
	assert_string_equal(why_of(m, DRIVERS "bcma/bcma.ko"), "driver of 14e4:4331");
	assert_string_equal(
	    why_of(m, DRIVERS "net/wireless/b43.ko"), "driver of 14e4:4331");
	assert_string_equal(
	    why_of(m, "/usr/lib/firmware/b43/ucode29_mimo.fw"), "firmware of b43");
	assert_null(listed(m, "initrd", DRIVERS "net/wireless/brcmsmac.ko"));
	json_decref(m);
	assert_clean();
}

static void all_cards_have_all_drivers(void **state)
{
	json_t *m;

	(void)state;
	put_bcma();
	MODULE("drivers/net/wireless/usbtoy", "alias=usb:v1234p5678d*");
	assert_int_equal(
	    build_with((struct image_options){.all_cards = true, .card = "1234:5678"},
		"all", NULL),
	    -1);
	assert_int_equal(e.code, ERR_USAGE);
	/* Firmware that is not there: a warning only. */
	assert_int_equal(
	    build_with((struct image_options){.all_cards = true}, "all", NULL), 0);
	m = json_load_file(at("all/manifest.json"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(m, "card")), "all");
	assert_non_null(listed(m, "initrd", DRIVERS "net/wireless/toy.ko"));
	assert_non_null(listed(m, "initrd", DRIVERS "net/wireless/b43.ko"));
	assert_non_null(listed(m, "initrd", DRIVERS "net/wireless/brcmsmac.ko"));
	assert_null(listed(m, "initrd", DRIVERS "net/wireless/usbtoy.ko"));
	json_decref(m);
}

/* `image info --files`: the largest first, each with why it is there. */
static void each_file_has_its_reason(void **state)
{
	json_int_t last = 0;
	json_t *files, *o;
	size_t i;

	(void)state;
	put("root/lib/firmware/toy.bin", "fw", 2);
	assert_int_equal(build("why", "1234:5678", true, NULL), 0);
	assert_int_equal(image_files(at("why"), &files, &e), 0);
	assert_true(json_array_size(files) > 30);
	json_array_foreach (files, i, o) {
		json_int_t size = json_integer_value(json_object_get(o, "size"));

		if (json_object_get(o, "why") == NULL)
			fail_msg("%s: no reason",
			    json_string_value(json_object_get(o, "path")));
		assert_non_null(json_object_get(o, "archive"));
		assert_true(i == 0 || size <= last);
		last = size;
	}
	json_decref(files);
	o = json_load_file(at("why/manifest.json"), 0, NULL);
	assert_string_equal(
	    why_of(o, DRIVERS "net/wireless/toy.ko"), "driver of 1234:5678");
	assert_string_equal(why_of(o, "/usr/lib/modules/" VERSION "/kernel/x/stp.ko"),
	    "needed by module bridge");
	assert_string_equal(why_of(o, "/usr/sbin/wpa_supplicant"), "of profile base");
	assert_string_equal(why_of(o, "/init"), "program of bhyfi");
	json_decref(o);
	assert_int_equal(image_files(at("nothing"), &files, &e), -1);
}

static void quiet(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_card_brings_its_driver_and_firmware),
	    cmocka_unit_test(a_card_with_a_bus_of_its_own),
	    cmocka_unit_test(all_cards_have_all_drivers),
	    cmocka_unit_test(each_file_has_its_reason),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, image_root_setup, image_root_teardown);
}
