/* Which children are somebody's, and the end of those that are nobody's. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
#include <libproc.h>
#include <sys/sysctl.h>
#endif

#include "proc/child_internal.h"

/* The kernel's table of our children is one for the process, and so is this. */
static struct {
	pthread_mutex_t mutex;
	pid_t *pids;
	size_t count, capacity;
	struct lingering {
		pid_t group;
		int64_t deadline;
	} *groups;
	size_t group_count, group_capacity;
	bool adopts;
	size_t starting_daemons;
} known = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void known_lock(void)
{
	pthread_mutex_lock(&known.mutex);
}

void known_unlock(void)
{
	pthread_mutex_unlock(&known.mutex);
}

static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 16;
	items = realloc(items, *capacity * size);
	if (!items)
		abort();
	return items;
}

void known_add(pid_t pid)
{
	known.pids = grow(known.pids, known.count, &known.capacity, sizeof(*known.pids));
	known.pids[known.count++] = pid;
}

void known_remove(pid_t pid)
{
	for (size_t i = 0; i < known.count; i++)
		if (known.pids[i] == pid) {
			known.pids[i] = known.pids[--known.count];
			return;
		}
}

bool known_has(pid_t pid)
{
	for (size_t i = 0; i < known.count; i++)
		if (known.pids[i] == pid)
			return true;
	return false;
}

void known_reap(pid_t pid, struct child_exit *ended)
{
	int status = 0;
	known_lock();
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	known_remove(pid);
	known_unlock();
	ended->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ended->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

pid_t known_reap_strays(void)
{
	pid_t found = 0;
	known_lock();
	for (;;) {
		siginfo_t info = {0};
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			break;
		if (known_has(info.si_pid))
			found = info.si_pid;
		if (found || waitpid(info.si_pid, NULL, WNOHANG) <= 0)
			break;
	}
	known_unlock();
	return found;
}

void child_linger(pid_t group, int64_t grace)
{
	if (kill(-group, SIGTERM))
		return;		/* the usual case: nothing is left in it */
	kill(-group, SIGCONT);
	known_lock();
	known.groups = grow(known.groups, known.group_count, &known.group_capacity,
			    sizeof(*known.groups));
	known.groups[known.group_count++] = (struct lingering){group, child_monotonic() + grace};
	known_unlock();
}

bool child_linger_tick(bool insist)
{
	int64_t now = child_monotonic();
	known_lock();
	for (size_t i = 0; i < known.group_count;) {
		struct lingering *lingering = &known.groups[i];
		if (kill(-lingering->group, 0) && errno == ESRCH) {
			*lingering = known.groups[--known.group_count];
			continue;
		}
		if (insist || now >= lingering->deadline)
			kill(-lingering->group, SIGKILL);
		i++;
	}
	bool left = known.group_count > 0;
	known_unlock();
	return left;
}

static int64_t milliseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

int64_t child_monotonic(void)
{
	struct timespec now = {0};
	clock_gettime(CLOCK_MONOTONIC, &now);
	return milliseconds(&now);
}

#ifdef __linux__
int64_t child_boot_time(void)
{
	struct timespec now = {0};
	/* The system call itself: faketime must not change what the kernel says of a process. */
	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
	return milliseconds(&now);
}

static int64_t process_started(int64_t pid, bool *zombie)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	char *field = strrchr(text, ')');	/* the name may hold anything */
	if (!field || !field[1])
		return -1;
	*zombie = field[2] == 'Z';
	for (int i = 2; i < 22 && field; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoll(field, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK) : -1;
}

static size_t find_strays(pid_t *pids, size_t maximum)
{
	char path[96];
	size_t count = 0;
	/* Every child belongs to the main thread after its parent thread has ended. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	int pid;
	while (count < maximum && fscanf(file, "%d", &pid) == 1)
		if (!known_has(pid))
			pids[count++] = pid;
	fclose(file);
	return count;
}

static void adopt(bool yes)
{
	prctl(PR_SET_CHILD_SUBREAPER, yes, 0, 0, 0);
}
#else
int64_t child_boot_time(void)
{
	struct timespec now = {0};
	clock_gettime(CLOCK_REALTIME, &now);
	return milliseconds(&now);
}

static int64_t process_started(int64_t pid, bool *zombie)
{
	struct proc_bsdinfo info;
	if (proc_pidinfo((int)pid, PROC_PIDTBSDINFO, 0, &info, sizeof(info)) != sizeof(info))
		return -1;
	*zombie = info.pbi_status == 5;
	return (int64_t)info.pbi_start_tvsec * 1000 + (int64_t)info.pbi_start_tvusec / 1000;
}

static size_t find_strays(pid_t *pids, size_t maximum)
{
	(void)pids;	/* there is no subreaper: who left his group is out of reach */
	(void)maximum;
	return 0;
}

static void adopt(bool yes)
{
	(void)yes;
}
#endif

void child_adopt_strays(void)
{
	known_lock();
	known.adopts = true;
	adopt(!known.starting_daemons);
	known_unlock();
}

void known_daemons_begin(void)
{
	known_lock();
	if (known.starting_daemons++ == 0 && known.adopts)
		adopt(false);
	known_unlock();
}

void known_daemons_end(void)
{
	known_lock();
	if (--known.starting_daemons == 0 && known.adopts)
		adopt(true);
	known_unlock();
}

bool process_runs(int64_t pid, int64_t started)
{
	bool zombie = false;
	int64_t real = pid > 0 ? process_started(pid, &zombie) : -1;
	int64_t apart = real > started ? real - started : started - real;
	return real >= 0 && !zombie && apart < 1000;
}

int64_t process_start_time(int64_t pid)
{
	bool zombie = false;
	return pid > 0 ? process_started(pid, &zombie) : -1;
}

static size_t signal_strays(int signal)
{
	pid_t pids[256];
	known_lock();
	size_t count = find_strays(pids, 256);
	for (size_t i = 0; i < count; i++)
		if (kill(-pids[i], signal))	/* those that lead a group, all of it */
			kill(pids[i], signal);
	known_unlock();
	return count;
}

size_t child_stop_strays(int64_t grace)
{
	int64_t deadline = child_monotonic() + grace, end = deadline + 3000;
	size_t total = 0;
	for (bool insist = false;; insist = child_monotonic() >= deadline) {
		known_reap_strays();
		size_t count = signal_strays(insist ? SIGKILL : SIGTERM);
		total = count > total ? count : total;
		if (!child_linger_tick(insist) && !count)
			return total;
		if (child_monotonic() > end)
			return total;
		struct timespec pause = {.tv_nsec = 5000000};
		nanosleep(&pause, NULL);
	}
}
