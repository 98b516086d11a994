/* What is known of the terminal: is it one, how wide, are colours wanted. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* "auto", "always", "never"; -1 for anything else. */
int color_when_parse(const char *text, enum color_when *when);
/* Should what goes to fd be coloured? --color wins, then NO_COLOR, CLICOLOR_FORCE and
 * FORCE_COLOR, then whether fd is a terminal that is not dumb. */
bool terminal_color(int fd, enum color_when when);

/* "A terminal" as the contract means it: standard input and standard error both are one. */
bool terminal_present(void);
/* Columns and rows of the terminal behind fd, COLUMNS and LINES where it does not say, else 80
 * and 24. Ask again before each drawing: that is how a resize is noticed. */
void terminal_size(int fd, int *columns, int *rows);
/* Writes everything, through EINTR and full pipes; -1 when the reader is gone. */
int terminal_write(int fd, const void *bytes, size_t length);

/* How wide what a person reads there may be: 0 (any) when fd is no terminal. */
size_t terminal_columns(int fd);

/* SGR sequences, or "" without colour: style(color, STYLE_BOLD). */
enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_BLUE };
const char *style(bool color, enum style style);
