/* Signing JSON objects, and checking who signed them. */
#include "state/signed.h"

#define MEMBER "signature"
#define BYTES_MAXIMUM ((size_t)32 << 20)

int signed_bytes(const json_t *object, const char *type, struct buffer *out, struct error *err)
{
	json_t *rest = json_copy((json_t *)(uintptr_t)object);
	json_object_del(rest, MEMBER);
	json_object_del(rest, "nonce");
	char *text = json_dumps(rest, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(rest);
	if (!text)
		return error_set(err, "only a JSON object of valid text can be signed");
	buffer_add_format(out, "shipit %s\n%s\n", type, text);
	free(text);
	return out->overflowed ? error_set(err, "what should be signed is too large") : 0;
}

int signed_make(json_t *object, const char *type, const struct secret_key *key, struct error *err)
{
	struct buffer bytes CLEANUP(buffer_release), text CLEANUP(buffer_release);
	char comment[64];
	buffer_init(&bytes, BYTES_MAXIMUM);
	buffer_init(&text, 4096);
	if (signed_bytes(object, type, &bytes, err) < 0)
		return -1;
	snprintf(comment, sizeof(comment), "shipit %s", type);
	signature_make(key, bytes.data, bytes.length, comment, &text);
	json_object_set_new(object, MEMBER, json_stringn(text.data, text.length));
	return 0;
}

int signed_by(const json_t *object, unsigned char id[KEY_ID_SIZE])
{
	const char *text = json_string_value(json_object_get(object, MEMBER));
	return text && signature_key_id(text, id) == 0;
}

int signed_check(const json_t *object, const char *type, const struct public_key *key,
		 struct error *err)
{
	struct buffer bytes CLEANUP(buffer_release);
	const char *text = json_string_value(json_object_get(object, MEMBER));
	buffer_init(&bytes, BYTES_MAXIMUM);
	if (!text)
		return error_set(err, "there is no signature");
	if (signed_bytes(object, type, &bytes, err) < 0)
		return -1;
	return signature_check(text, key, bytes.data, bytes.length, err);
}
