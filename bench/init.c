/* A PID 1 that does nothing but say that it runs: the floor of every boot. */
#include <unistd.h>

int main(void)
{
	static const char text[] = "bhyfi-floor\n";

	if (write(1, text, sizeof(text) - 1) < 0)
		return 1;
	while (1)
		pause();
}
