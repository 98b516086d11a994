/* Growing buffers. */
#include "base/buffer.h"

static char empty[1];

void buffer_init(struct buffer *buffer, size_t maximum)
{
	*buffer = (struct buffer){ .data = empty, .maximum = maximum };
}

void buffer_release(struct buffer *buffer)
{
	if (buffer->data != empty)
		free(buffer->data);
	buffer_init(buffer, buffer->maximum);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->overflowed = false;
	if (buffer->data != empty)
		buffer->data[0] = '\0';
}

/* Makes room for length more bytes and the NUL. */
static int reserve(struct buffer *buffer, size_t length)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	char *data;

	if (length > buffer->maximum || buffer->length > buffer->maximum - length) {
		buffer->overflowed = true;
		return -1;
	}
	if (buffer->length + length < buffer->capacity)
		return 0;
	while (capacity <= buffer->length + length)
		capacity *= 2;
	data = realloc(buffer->data == empty ? NULL : buffer->data, capacity);
	if (!data)
		abort();
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	if (length == 0)
		return 0;
	if (reserve(buffer, length) < 0)
		return -1;
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
	return 0;
}

int buffer_add_text(struct buffer *buffer, const char *text)
{
	return buffer_add(buffer, text, strlen(text));
}

int buffer_add_char(struct buffer *buffer, char byte)
{
	return buffer_add(buffer, &byte, 1);
}

int buffer_add_vformat(struct buffer *buffer, const char *format, va_list args)
{
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0 || reserve(buffer, (size_t)length) < 0)
		return -1;
	if (length == 0)
		return 0;
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, args);
	buffer->length += (size_t)length;
	return 0;
}

int buffer_add_format(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = buffer_add_vformat(buffer, format, args);
	va_end(args);
	return result;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	if (length == 0)
		return;
	memmove(buffer->data, buffer->data + length, buffer->length - length + 1);
	buffer->length -= length;
}

char *buffer_take(struct buffer *buffer, size_t *length)
{
	char *data = buffer->data;

	if (data == empty) {
		data = calloc(1, 1);
		if (!data)
			abort();
	}
	if (length)
		*length = buffer->length;
	buffer_init(buffer, buffer->maximum);
	return data;
}
