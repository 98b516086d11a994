/* What names this machine, and its clock. */
#include "proc/machine.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
#include <mach/mach_time.h>
#include <sys/sysctl.h>
#endif

const char *machine_host(char text[MACHINE_HOST])
{
	if (gethostname(text, MACHINE_HOST))
		snprintf(text, MACHINE_HOST, "localhost");
	text[MACHINE_HOST - 1] = '\0';
	return text;
}

#ifdef __linux__
const char *machine_name(char text[MACHINE_NAME])
{
	char boot[40] = "", space[40] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	text[0] = '\0';
	if (!file)
		return text;
	if (!fgets(boot, sizeof(boot), file))
		boot[0] = '\0';
	fclose(file);
	boot[strcspn(boot, "\n")] = '\0';
	ssize_t length = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
	if (*boot && length > 0)
		snprintf(text, MACHINE_NAME, "%s/%s", boot, space);
	return text;
}

int64_t machine_clock(void)
{
	struct timespec now = {0};
	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
#elif defined(__APPLE__)
const char *machine_name(char text[MACHINE_NAME])
{
	size_t size = MACHINE_NAME;
	if (sysctlbyname("kern.bootsessionuuid", text, &size, NULL, 0))
		text[0] = '\0';
	return text;
}

int64_t machine_clock(void)
{
	mach_timebase_info_data_t base;
	mach_timebase_info(&base);
	return (int64_t)((double)mach_continuous_time() * base.numer / base.denom / 1e6);
}
#endif
