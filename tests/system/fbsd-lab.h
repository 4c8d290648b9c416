/* A lab whose host is the double of FreeBSD (../unit/fbsd-tree.h). */
#ifndef BHYFI_TEST_FBSD_LAB_H
#define BHYFI_TEST_FBSD_LAB_H

/* Of each test. No DHCP client and no router solicitations by themselves. */
int fbsd_lab_setup(void **state);
int fbsd_lab_teardown(void **state);

#endif
