#include "fbsd-lab.h"

#include "../unit/fbsd-tree.h"
#include "harness.h"

int fbsd_lab_setup(void **state)
{
	if (lab_setup(state) < 0)
		return -1;
	fbsd_begin();
	fbsd_write("/etc/rc.conf", "hostname=\"laptop\"\n");
	return 0;
}

int fbsd_lab_teardown(void **state)
{
	int ret = lab_teardown(state);

	fbsd_leave();
	return ret;
}
