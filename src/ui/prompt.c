/* Questions on the terminal. */
#include "ui/prompt.h"

#include <errno.h>
#include <signal.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/key.h"
#include "ui/terminal.h"

#define ANSWER_MAXIMUM 4096

static int refuse(const struct prompt *prompt, const char *question, const char *why,
		  struct error *err)
{
	error_set(err, "'%s' needs an answer, and %s", question, why);
	if (prompt->flag)
		error_hint(err, "Answer it with %s.", prompt->flag);
	return error_code(err, EXIT_REFUSED);
}

static bool nobody_there(const struct prompt *prompt)
{
	return prompt->refuse || !terminal_present();
}

/* Reads a line, a byte at a time, so that nothing typed ahead is taken from a later reader.
 * Length, or -1 when the input ended before a newline or a signal came. */
static int read_line(char *line, size_t size)
{
	size_t length = 0;
	char byte;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, &byte, 1);

		if (got <= 0)
			return -1;
		if (byte == '\n')
			break;
		if (length + 1 < size)
			line[length++] = byte;
	}
	while (length && (line[length - 1] == '\r' || line[length - 1] == ' '))
		length--;
	line[length] = '\0';
	return (int)length;
}

static int ask(const struct prompt *prompt, const char *question, const char *choices,
	       char line[ANSWER_MAXIMUM], struct error *err)
{
	struct buffer text CLEANUP(buffer_release), folded CLEANUP(buffer_release);

	buffer_init(&text, ANSWER_MAXIMUM);
	buffer_init(&folded, (size_t)2 * ANSWER_MAXIMUM);
	buffer_add_format(&text, "%s%s", question, choices);
	text_fold(&folded, text.data, text.length, terminal_columns(STDERR_FILENO));
	buffer_add_char(&folded, ' ');
	terminal_write(STDERR_FILENO, folded.data, folded.length);
	if (read_line(line, ANSWER_MAXIMUM) >= 0)
		return 0;
	terminal_write(STDERR_FILENO, "\n", 1);
	return refuse(prompt, question, "the input ended", err);
}

int prompt_yes(const struct prompt *prompt, const char *question, bool *yes, struct error *err)
{
	char line[ANSWER_MAXIMUM];

	*yes = prompt->assume_yes;
	if (prompt->assume_yes)
		return 0;
	if (nobody_there(prompt))
		return refuse(prompt, question, "there is no terminal to ask on", err);
	for (;;) {
		if (ask(prompt, question, " [y/N]", line, err) < 0)
			return -1;
		*yes = strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
		if (*yes || !line[0] || strcasecmp(line, "n") == 0 || strcasecmp(line, "no") == 0)
			return 0;
	}
}

char *prompt_text(const struct prompt *prompt, const char *question, const char *fallback,
		  struct error *err)
{
	char line[ANSWER_MAXIMUM] = "", choices[256] = ":";
	char *answer;

	if (nobody_there(prompt)) {
		refuse(prompt, question, "there is no terminal to ask on", err);
		return NULL;
	}
	if (fallback)
		snprintf(choices, sizeof(choices), " [%s]:", fallback);
	do {
		if (ask(prompt, question, choices, line, err) < 0)
			return NULL;
	} while (!line[0] && !fallback);
	answer = strdup(line[0] ? line : fallback);
	if (!answer)
		abort();
	return answer;
}

/* A line byte by byte, for the terminal does nothing by itself now. Length, or -1 when it ended;
 * *interrupted: by Ctrl-C. */
static int read_hidden(char *line, size_t size, bool *interrupted)
{
	size_t length = 0;
	char byte;

	for (;;) {
		if (read(STDIN_FILENO, &byte, 1) <= 0 || byte == 3 || byte == 4) {
			*interrupted = byte == 3;
			return -1;
		}
		if (byte == '\n' || byte == '\r')
			break;
		if ((byte == 127 || byte == 8) && length)
			length--;
		else if (byte != 127 && byte != 8 && length + 1 < size)
			line[length++] = byte;
	}
	line[length] = '\0';
	return (int)length;
}

char *prompt_secret(const struct prompt *prompt, const char *question, struct error *err)
{
	char line[ANSWER_MAXIMUM] = "";
	bool interrupted = false;
	struct termios was, hidden;
	char *answer = NULL;

	if (nobody_there(prompt) || tcgetattr(STDIN_FILENO, &was) < 0) {
		refuse(prompt, question, "there is no terminal to ask on", err);
		return NULL;
	}
	hidden = was;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0) {
		error_set_errno(err, errno, "cannot hide what is typed on this terminal");
		return NULL;
	}
	terminal_write(STDERR_FILENO, question, strlen(question));
	terminal_write(STDERR_FILENO, ": ", 2);
	if (read_hidden(line, sizeof(line), &interrupted) >= 0)
		answer = strdup(line);
	else
		refuse(prompt, question, "the input ended", err);
	memory_wipe(line, sizeof(line));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	terminal_write(STDERR_FILENO, "\n", 1);
	if (interrupted)
		raise(SIGINT);
	return answer;
}
