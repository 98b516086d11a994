/* The terminal's size, colours, and writing to it. */
#include "ui/terminal.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

int color_when_parse(const char *text, enum color_when *when)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*when = (enum color_when)i;
			return 0;
		}
	}
	return -1;
}

/* Set to something that is not "" and, where "0" says no, not "0". */
static bool variable_set(const char *name, bool zero_is_no)
{
	const char *value = getenv(name);

	return value && value[0] && !(zero_is_no && strcmp(value, "0") == 0);
}

bool terminal_color(int fd, enum color_when when)
{
	const char *term = getenv("TERM");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	if (variable_set("NO_COLOR", false))
		return false;
	if (variable_set("CLICOLOR_FORCE", true) || variable_set("FORCE_COLOR", true))
		return true;
	return isatty(fd) && !(term && strcmp(term, "dumb") == 0);
}

bool terminal_present(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static int number_from(const char *name, int fallback)
{
	const char *value = getenv(name);
	long number = value ? strtol(value, NULL, 10) : 0;

	return number > 0 && number < 10000 ? (int)number : fallback;
}

void terminal_size(int fd, int *columns, int *rows)
{
	struct winsize size = {0};
	bool known = ioctl(fd, TIOCGWINSZ, &size) == 0;

	*columns = known && size.ws_col ? size.ws_col : number_from("COLUMNS", 80);
	*rows = known && size.ws_row ? size.ws_row : number_from("LINES", 24);
}

size_t terminal_columns(int fd)
{
	int columns, rows;

	if (!isatty(fd))
		return 0;
	terminal_size(fd, &columns, &rows);
	return (size_t)columns;
}

int terminal_write(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length) {
		ssize_t written = write(fd, at, length);

		if (written < 0 && errno == EAGAIN) {
			struct pollfd wait = {.fd = fd, .events = POLLOUT};

			if (poll(&wait, 1, -1) < 0 && errno != EINTR)
				return -1;
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -1;
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

const char *style(bool color, enum style style)
{
	static const char *const sequences[] = {
		[STYLE_NONE] = "\x1b[0m",  [STYLE_BOLD] = "\x1b[1m",   [STYLE_DIM] = "\x1b[2m",
		[STYLE_RED] = "\x1b[31m",  [STYLE_GREEN] = "\x1b[32m", [STYLE_YELLOW] = "\x1b[33m",
		[STYLE_BLUE] = "\x1b[34m",
	};

	return color ? sequences[style] : "";
}
