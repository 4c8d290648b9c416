/* /init: the first process of a guest. */
#include <stdio.h>
#include <unistd.h>

#include "init.h"

int main(void)
{
	if (getpid() == 1)
		init_main();
	fprintf(stderr, "bhyfi-guest: it is the first process of a guest, started by its "
			"kernel\n");
	return 2;
}
