#!/usr/bin/env python3
"""A small S3 client for tests, not shipit's own code: what a test prepares and looks at it with.

s3.py make-bucket BUCKET              s3.py put BUCKET KEY FILE|- [HEADER:VALUE]...
s3.py get BUCKET KEY                  s3.py head BUCKET KEY        (headers as JSON, names in lower case)
s3.py keys BUCKET [PREFIX]            s3.py list BUCKET [PREFIX]   (JSON: [{key, size, etag, modified}])
s3.py delete BUCKET KEY...            s3.py uploads BUCKET         (multipart uploads that nobody ended)
s3.py fill BUCKET PREFIX COUNT        s3.py policy BUCKET FILE|-
s3.py request METHOD PATH?QUERY [HEADER:VALUE]...                  (status, then body)

Where and who: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION.
Exit 1 with the server's words when it refuses.
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sigv4  # noqa: E402

connections = threading.local()


class Refused(Exception):
    pass


def connection(host):
    if not hasattr(connections, "one"):
        connections.one = http.client.HTTPConnection(host, timeout=60)
    return connections.one


def send(method, path, query="", body=b"", headers=()):
    """path and query as they go over the wire. Returns (status, headers, body)."""
    host = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
    digest = hashlib.sha256(body).hexdigest()
    amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    sent = {name.lower(): value for name, value in headers}
    sent.update({"host": host, "x-amz-date": amz_date, "x-amz-content-sha256": digest})
    if os.environ.get("AWS_SESSION_TOKEN"):
        sent["x-amz-security-token"] = os.environ["AWS_SESSION_TOKEN"]
    signed = sorted(sent)
    scope = "%s/%s/s3/aws4_request" % (amz_date[:8], os.environ.get("AWS_REGION", "us-east-1"))
    text = sigv4.string_to_sign(amz_date, scope,
                                sigv4.canonical_request(method, path, query, sent, signed, digest))
    sent["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        os.environ["AWS_ACCESS_KEY_ID"], scope, ";".join(signed),
        sigv4.signature(os.environ["AWS_SECRET_ACCESS_KEY"], scope, text))
    if body or method in ("PUT", "POST"):
        sent["content-length"] = str(len(body))
    link = connection(host)
    link.putrequest(method, path + ("?" + query if query else ""), skip_host=True,
                    skip_accept_encoding=True)
    for name, value in sent.items():
        link.putheader(name, value.encode("utf-8"))
    link.endheaders(body)
    answer = link.getresponse()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def must(method, path, query="", body=b"", headers=()):
    status, got, text = send(method, path, query, body, headers)
    if status >= 300:
        raise Refused("%s %s: %d %s" % (method, path, status, text.decode("utf-8", "replace")))
    return got, text


def key_path(bucket, key):
    return "/%s/%s" % (bucket, sigv4.encode(os.fsencode(key), "/"))


def content(name):
    if name == "-":
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:
        return file.read()


def listing(bucket, prefix=""):
    rows, token = [], None
    while True:
        query = "encoding-type=url&list-type=2&prefix=" + sigv4.encode(prefix)
        if token:
            query = "continuation-token=%s&%s" % (sigv4.encode(token), query)
        tree = xml.fromstring(must("GET", "/" + bucket, query)[1])
        space = tree.tag[:tree.tag.find("}") + 1]
        for item in tree.iter(space + "Contents"):
            get = lambda name: item.findtext(space + name)  # noqa: E731
            rows.append({"key": urllib.parse.unquote_plus(get("Key")), "size": int(get("Size")),
                         "etag": get("ETag").strip('"'), "modified": get("LastModified")})
        token = tree.findtext(space + "NextContinuationToken")
        if tree.findtext(space + "IsTruncated") != "true":
            return rows


def fill(bucket, prefix, count):
    """COUNT small objects, as dead ones from earlier releases are."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: must("PUT", key_path(bucket, "%sdead-%06d.%08x.js" % (
            prefix, i, i * 2654435761 % (1 << 32))), body=b"// dead %d\n" % i), range(count)))


def main(command, *arguments):
    headers = [tuple(text.split(":", 1)) for text in arguments[3:]]
    if command == "make-bucket":
        must("PUT", "/" + arguments[0])
    elif command == "put":
        must("PUT", key_path(*arguments[:2]), body=content(arguments[2]), headers=headers)
    elif command == "get":
        sys.stdout.buffer.write(must("GET", key_path(*arguments))[1])
    elif command == "head":
        print(json.dumps(must("HEAD", key_path(*arguments))[0]))
    elif command == "keys":
        print("".join(row["key"] + "\n" for row in listing(*arguments)), end="")
    elif command == "list":
        print(json.dumps(listing(*arguments)))
    elif command == "delete":
        for key in arguments[1:]:
            must("DELETE", key_path(arguments[0], key))
    elif command == "uploads":
        tree = xml.fromstring(must("GET", "/" + arguments[0], "uploads=")[1])
        print("".join(item.text + "\n" for item in tree.iter() if item.tag.endswith("}Key")
                      or item.tag == "Key"), end="")
    elif command == "fill":
        fill(arguments[0], arguments[1], int(arguments[2]))
    elif command == "policy":
        must("PUT", "/" + arguments[0], "policy=", content(arguments[1]))
    elif command == "request":
        path, _, query = arguments[1].partition("?")
        status, _, text = send(arguments[0], path, query,
                               headers=[tuple(t.split(":", 1)) for t in arguments[2:]])
        print(status)
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as refused:
        sys.exit("s3.py: %s" % refused)
