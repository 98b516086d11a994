/* expat, loaded at run time like libcurl, and its three events as two. */
#include <expat.h>
#include <limits.h>
#include <pthread.h>

#include "base/buffer.h"
#include "base/library.h"
#include "net/xml_internal.h"

enum { TEXT_MAXIMUM = 1 << 20, DEPTH_MAXIMUM = 32 };

static struct {
	XML_Parser (*create)(const XML_Char *encoding);
	void (*free)(XML_Parser parser);
	void (*set_user_data)(XML_Parser parser, void *data);
	void (*set_elements)(XML_Parser parser, XML_StartElementHandler start,
			     XML_EndElementHandler end);
	void (*set_text)(XML_Parser parser, XML_CharacterDataHandler text);
	void (*set_doctype)(XML_Parser parser, XML_StartDoctypeDeclHandler start);
	enum XML_Status (*parse)(XML_Parser parser, const char *bytes, int length, int last);
	enum XML_Status (*stop)(XML_Parser parser, XML_Bool resumable);
	enum XML_Error (*error)(XML_Parser parser);
	const XML_LChar *(*error_text)(enum XML_Error error);
	bool failed;
	struct error failure;
} expat;
static pthread_once_t expat_once = PTHREAD_ONCE_INIT;

static void expat_load(void)
{
#ifdef __APPLE__
	static const char *const files[] = {"libexpat.1.dylib", "/usr/lib/libexpat.1.dylib", NULL};
#else
	static const char *const files[] = {"libexpat.so.1", "libexpat.so", NULL};
#endif
	static const struct library library = {
		.files = files, .name = "libexpat", .purpose = "answers in XML",
		.package = "libexpat1"};
	const struct library_function functions[] = {
		{"XML_ParserCreate", &expat.create},
		{"XML_ParserFree", &expat.free},
		{"XML_SetUserData", &expat.set_user_data},
		{"XML_SetElementHandler", &expat.set_elements},
		{"XML_SetCharacterDataHandler", &expat.set_text},
		{"XML_SetStartDoctypeDeclHandler", &expat.set_doctype},
		{"XML_Parse", &expat.parse},
		{"XML_StopParser", &expat.stop},
		{"XML_GetErrorCode", &expat.error},
		{"XML_ErrorString", &expat.error_text},
	};

	expat.failed = library_load(&library, functions, sizeof(functions) / sizeof(*functions),
				    &expat.failure) < 0;
}

struct reader {
	XML_Parser parser;
	const struct xml_visitor *visitor;
	void *context;
	struct buffer text;
	struct error *err;
	int depth;
	bool failed;
};

static void reader_stop(struct reader *reader)
{
	reader->failed = true;
	expat.stop(reader->parser, XML_FALSE);
}

static void element_opens(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *reader = context;

	(void)attributes;
	if (reader->failed)
		return;
	buffer_clear(&reader->text);
	if (++reader->depth > DEPTH_MAXIMUM) {
		error_set(reader->err, "it is nested too deeply");
		reader_stop(reader);
		return;
	}
	if (reader->visitor->open && reader->visitor->open(reader->context, name, reader->err))
		reader_stop(reader);
}

static const char *trimmed(struct buffer *text)
{
	char *start = text->data;

	while (text->length && strchr(" \t\r\n", start[text->length - 1]))
		start[--text->length] = '\0';
	return start + strspn(start, " \t\r\n");
}

static void element_closes(void *context, const XML_Char *name)
{
	struct reader *reader = context;

	if (reader->failed)
		return;
	reader->depth--;
	if (reader->visitor->close(reader->context, name, trimmed(&reader->text), reader->err))
		reader_stop(reader);
	buffer_clear(&reader->text);
}

static void text_arrives(void *context, const XML_Char *text, int length)
{
	struct reader *reader = context;

	if (!reader->failed && buffer_add(&reader->text, text, (size_t)length)) {
		error_set(reader->err, "an element holds too much text");
		reader_stop(reader);
	}
}

static void doctype_opens(void *context, const XML_Char *name, const XML_Char *location,
			  const XML_Char *public, int has_subset)
{
	struct reader *reader = context;

	(void)name;
	(void)location;
	(void)public;
	(void)has_subset;
	error_set(reader->err, "it declares a document type");
	reader_stop(reader);
}

int xml_read(const char *bytes, size_t length, const struct xml_visitor *visitor, void *context,
	     struct error *err)
{
	struct reader reader = {.visitor = visitor, .context = context, .err = err};

	pthread_once(&expat_once, expat_load);
	if (expat.failed) {
		*err = expat.failure;
		return -1;
	}
	reader.parser = expat.create(NULL);
	if (!reader.parser)
		abort();
	buffer_init(&reader.text, TEXT_MAXIMUM);
	expat.set_user_data(reader.parser, &reader);
	expat.set_elements(reader.parser, element_opens, element_closes);
	expat.set_text(reader.parser, text_arrives);
	expat.set_doctype(reader.parser, doctype_opens);
	if (length > INT_MAX ||
	    expat.parse(reader.parser, bytes, (int)length, 1) != XML_STATUS_OK) {
		if (!reader.failed)
			error_set(err, "it is not XML: %s",
				  expat.error_text(expat.error(reader.parser)));
		reader.failed = true;
	}
	expat.free(reader.parser);
	buffer_release(&reader.text);
	return reader.failed ? -1 : 0;
}
