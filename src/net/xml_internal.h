/* Answers in XML, read by expat, which is loaded when the first one comes. */
#pragma once
#include <stddef.h>

#include "base/error.h"

/* Names are as written, with a prefix if there is one. text is what stands in an element that has
 * no others, without the blanks around it. Returns 0, or -1 with err to give up. */
struct xml_visitor {
	int (*open)(void *context, const char *name, struct error *err); /* may be NULL */
	int (*close)(void *context, const char *name, const char *text, struct error *err);
};

/* -1 for what is no XML, for a document type (nobody honest sends one) and when a visitor gave
 * up. */
int xml_read(const char *bytes, size_t length, const struct xml_visitor *visitor, void *context,
	     struct error *err) MUST_USE;
