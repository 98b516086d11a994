"""AWS signature version 4 as AWS documents it, written apart from shipit's own: what signs in tests
(s3.py) and what checks signatures in tests (strict_s3.py). No path normalisation, as S3 wants it."""
import hashlib
import hmac
import urllib.parse

UNRESERVED = "-_.~"


def encode(text, safe=""):
    return urllib.parse.quote(text, safe=UNRESERVED + safe)


def canonical_query(query):
    """From the query as it stands in the request line. A parameter without a value has an empty one."""
    pairs = []
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        pairs.append((encode(urllib.parse.unquote_to_bytes(name)),
                      encode(urllib.parse.unquote_to_bytes(value))))
    return "&".join("%s=%s" % pair for pair in sorted(pairs))


def canonical_request(method, path, query, headers, signed, payload_hash):
    """path: as sent; decoded and encoded anew, so that only one spelling of a key verifies."""
    lines = [method, encode(urllib.parse.unquote_to_bytes(path), "/"), canonical_query(query)]
    lines += ["%s:%s" % (name, " ".join(headers.get(name, "").split())) for name in signed]
    return "\n".join(lines + ["", ";".join(signed), payload_hash])


def string_to_sign(amz_date, scope, canonical):
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return "\n".join(["AWS4-HMAC-SHA256", amz_date, scope, digest])


def signature(secret, scope, text):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
