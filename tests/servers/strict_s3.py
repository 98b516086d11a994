#!/usr/bin/env python3
"""A little S3 server in memory that checks what radosgw does not: region, the signature's spelling of
paths and queries, that every x-amz-* header is signed, x-amz-content-sha256, Content-MD5 and
x-amz-checksum-*, session tokens.

strict_s3.py FOLDER [--port N] [--clock SECONDS] [--bucket NAME[=REGION]]... [--ignore HEADER]...

In the foreground until its parent dies. FOLDER/env tells endpoint and keys once it answers;
FOLDER/requests.log has `METHOD PATH STATUS [CODE]` for each request. Path-style at 127.0.0.1,
virtual-hosted at BUCKET.localhost. --clock: its clock is off by so many seconds.

Keys: TESTER may do everything; READER only reads; SESSION needs the token `session-token`; EXPIRED has
a token that is no longer valid. A bucket of another region answers 301 with x-amz-bucket-region (a
name that begins with `malformed`: 400 AuthorizationHeaderMalformed, as AWS does in some regions). An
object whose name begins with `locked-` cannot be deleted: an error in DeleteObjects' 200.
"""
import argparse
import base64
import datetime
import email.utils
import hashlib
import http.server
import os
import re
import socketserver
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml
import zlib
from xml.sax.saxutils import escape

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sigv4  # noqa: E402

REGION = "eu-test-1"
SECRETS = {"TESTER": "tester-secret", "READER": "reader-secret", "SESSION": "session-secret",
           "EXPIRED": "expired-secret"}
KEPT = ("content-type", "cache-control", "content-encoding", "content-disposition",
        "content-language", "expires", "x-amz-website-redirect-location")
STATUS = {"AccessDenied": 403, "AccessControlListNotSupported": 400, "AuthorizationHeaderMalformed": 400,
          "BadDigest": 400, "BucketAlreadyOwnedByYou": 409, "EntityTooSmall": 400, "ExpiredToken": 400,
          "InvalidAccessKeyId": 403, "InvalidPart": 400, "InvalidPartOrder": 400, "InvalidDigest": 400,
          "InvalidRange": 416, "InvalidRequest": 400, "InvalidToken": 400, "KeyTooLongError": 400,
          "MalformedXML": 400, "MethodNotAllowed": 405, "MissingContentLength": 411,
          "NoSuchBucket": 404, "NoSuchKey": 404, "NoSuchUpload": 404, "NotImplemented": 501,
          "NotModified": 304, "PermanentRedirect": 301, "PreconditionFailed": 412,
          "RequestTimeTooSkewed": 403, "SignatureDoesNotMatch": 403,
          "XAmzContentSHA256Mismatch": 400}


class Refusal(Exception):
    def __init__(self, code, message, **details):
        super().__init__(message)
        self.code, self.details = code, details


class Stored:
    def __init__(self, body, headers, etag=None):
        self.body, self.headers, self.modified = body, headers, now()
        self.etag = etag or '"%s"' % hashlib.md5(body).hexdigest()


class State:
    buckets, regions, uploads, clock, ignored = {}, {}, {}, 0, []
    lock = threading.Lock()


def now():
    return time.time() + State.clock


def iso(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def crc32c(data, table=[]):
    if not table:
        for byte in range(256):
            for _ in range(8):
                byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
            table.append(byte)
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


CHECKSUMS = {"sha256": lambda data: hashlib.sha256(data).digest(),
             "sha1": lambda data: hashlib.sha1(data).digest(),
             "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
             "crc32c": lambda data: crc32c(data).to_bytes(4, "big")}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "strict_s3", ""
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(now(), usegmt=True)

    def answer(self, status, body=b"", **headers):
        if isinstance(body, str):
            body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode("utf-8", "surrogateescape")
            headers["content_type"] = "application/xml"
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        self.send_header("x-amz-request-id", "STRICT%010d" % threading.get_ident())
        length = headers.pop("length", len(body))
        if status in (204, 304):
            body = b""
        else:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        with State.lock:
            self.server.log.write("%s %s %d%s\n" % (self.command, self.path, status, self.code))
            self.server.log.flush()

    def refuse(self, refusal):
        self.code = " " + refusal.code
        details = "".join("<%s>%s</%s>" % (k, escape(v), k) for k, v in refusal.details.items())
        headers = {}
        if "Region" in refusal.details:
            headers["x-amz-bucket-region"] = refusal.details["Region"]
        self.answer(STATUS[refusal.code], "<Error><Code>%s</Code><Message>%s</Message>%s</Error>"
                    % (refusal.code, escape(str(refusal)), details), **headers)

    def handle_any(self):
        self.code = ""
        self.given = {k.lower(): v.encode("latin-1").decode("utf-8", "surrogateescape")
                      for k, v in self.headers.items()}
        self.path = self.requestline.split(" ")[1]  # the library takes one of two slashes off
        path, _, self.query_text = self.path.partition("?")
        self.raw_path = path
        try:
            body = self.read_body()
            host = self.given.get("host", "").rsplit(":", 1)[0]
            name = urllib.parse.unquote_to_bytes(path[1:]).decode("utf-8", "surrogateescape")
            if host.endswith(".localhost"):
                bucket, key = host[:-len(".localhost")], name
            else:
                bucket, _, key = name.partition("/")
            query = urllib.parse.parse_qs(self.query_text, keep_blank_values=True,
                                          errors="surrogateescape")
            self.query = {k: v[0] for k, v in query.items()}
            self.authorize(bucket, key, body)
            with State.lock:
                reply = self.dispatch(bucket, key, body)
            self.answer(*reply[:2], **(reply[2] if len(reply) > 2 else {}))
        except Refusal as refusal:
            self.refuse(refusal)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def read_body(self):
        if "transfer-encoding" in self.given or (
                self.command in ("PUT", "POST") and "content-length" not in self.given):
            self.close_connection = True
            raise Refusal("MissingContentLength", "You must provide the Content-Length HTTP header.")
        if self.given.get("expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.given.get("content-length", "0")))

    handle_expect_100 = lambda self: True  # noqa: E731  (read_body answers it)

    def authorize(self, bucket, key, body):
        given = self.given
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8}/([^/,]+)/s3/aws4_request), ?"
                             r"SignedHeaders=([^, ]+), ?Signature=([0-9a-f]{64})",
                             given.get("authorization", ""))
        if not match:
            raise Refusal("AccessDenied", "Access Denied")
        access, scope, region, signed, signature = match.groups()
        signed = signed.split(";")
        if access not in SECRETS:
            raise Refusal("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist "
                          "in our records.", AWSAccessKeyId=access)
        self.check_region(bucket, region)
        self.check_time(scope)
        self.check_signed(signed, body)
        canonical = sigv4.canonical_request(self.command, self.raw_path, self.query_text, given, signed,
                                            given["x-amz-content-sha256"])
        text = sigv4.string_to_sign(given["x-amz-date"], scope, canonical)
        spelled = sigv4.encode(urllib.parse.unquote_to_bytes(self.raw_path), "/")
        if sigv4.signature(SECRETS[access], scope, text) != signature or spelled != self.raw_path:
            raise Refusal("SignatureDoesNotMatch", "The request signature we calculated does not match "
                          "the signature you provided. Check your key and signing method.",
                          StringToSign=text, CanonicalRequest=canonical)
        self.check_token(access)
        if access == "READER" and self.command in ("PUT", "POST", "DELETE"):
            raise Refusal("AccessDenied", "User: arn:aws:iam::123456789012:user/reader is not authorized "
                          "to perform: s3:%s on resource: \"arn:aws:s3:::%s/%s\""
                          % ("DeleteObject" if "delete" in self.query or self.command == "DELETE"
                             else "PutObject", bucket, key))

    def check_region(self, bucket, region):
        wanted = State.regions.get(bucket, REGION)
        if region == wanted:
            return
        if wanted == REGION or bucket.startswith("malformed"):
            raise Refusal("AuthorizationHeaderMalformed", "The authorization header is malformed; the "
                          "region '%s' is wrong; expecting '%s'" % (region, wanted), Region=wanted)
        raise Refusal("PermanentRedirect", "The bucket you are attempting to access must be addressed "
                      "using the specified endpoint.", Region=wanted, Bucket=bucket,
                      Endpoint=self.given.get("host", ""))

    def check_time(self, scope):
        try:
            sent = datetime.datetime.strptime(self.given.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ")
        except ValueError:
            raise Refusal("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        if not self.given["x-amz-date"].startswith(scope[:8]):
            raise Refusal("SignatureDoesNotMatch", "The date of the credential is not that of x-amz-date")
        if abs(sent.replace(tzinfo=datetime.timezone.utc).timestamp() - now()) > 900:
            raise Refusal("RequestTimeTooSkewed", "The difference between the request time and the "
                          "current time is too large.", ServerTime=iso(now()))

    def check_signed(self, signed, body):
        given = self.given
        unsigned = [n for n in given if (n == "host" or n.startswith("x-amz-")) and n not in signed]
        if unsigned or signed != sorted(signed) or any(n not in given for n in signed):
            raise Refusal("AccessDenied", "There were headers present in the request which were not "
                          "signed: " + ", ".join(unsigned), HeadersNotSigned=", ".join(unsigned))
        if "x-amz-acl" in given or any(n.startswith("x-amz-grant-") for n in given):
            raise Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs")
        claimed = given.get("x-amz-content-sha256", "")
        if claimed.startswith("STREAMING-"):
            raise Refusal("NotImplemented", "Chunked signatures are not implemented here")
        if not re.fullmatch("[0-9a-f]{64}", claimed):
            raise Refusal("InvalidRequest", "x-amz-content-sha256 must be the hash of the payload over http")
        if claimed != hashlib.sha256(body).hexdigest():
            raise Refusal("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does "
                          "not match what was computed.")
        self.check_digest("content-md5", lambda data: hashlib.md5(data).digest(), body)
        for name, function in CHECKSUMS.items():
            self.check_digest("x-amz-checksum-" + name, function, body)

    def check_digest(self, header, function, body):
        if header not in self.given:
            return
        try:
            claimed = base64.b64decode(self.given[header], validate=True)
        except ValueError:
            raise Refusal("InvalidDigest", "The %s you specified is not valid." % header)
        if claimed != function(body):
            raise Refusal("BadDigest", "The %s you specified did not match what we received." % header)

    def check_token(self, access):
        token = self.given.get("x-amz-security-token")
        if access == "EXPIRED":
            raise Refusal("ExpiredToken", "The provided token has expired.")
        if access == "SESSION" and token != "session-token" or access != "SESSION" and token:
            raise Refusal("InvalidToken", "The provided token is malformed or otherwise invalid.")

    def dispatch(self, bucket, key, body):
        command, query = self.command, self.query
        if not bucket:
            return 200, "<ListAllMyBucketsResult/>"
        if command == "PUT" and not key:
            if bucket in State.buckets:
                raise Refusal("BucketAlreadyOwnedByYou", "You own it already.")
            State.buckets[bucket] = {}
            return 200, b""
        if bucket not in State.buckets:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)
        objects = State.buckets[bucket]
        if not key:
            return self.dispatch_bucket(bucket, objects, body)
        if len(key.encode("utf-8", "surrogateescape")) > 1024:
            raise Refusal("KeyTooLongError", "Your key is too long")
        if "uploads" in query and command == "POST":
            return self.create_upload(bucket, key)
        if "uploadId" in query:
            return self.dispatch_upload(objects, key, body)
        if command == "PUT":
            return self.copy(objects, key) if "x-amz-copy-source" in self.given else \
                self.put(objects, key, body)
        if command == "DELETE":
            self.check_conditions(objects.get(key))
            objects.pop(key, None)
            return 204, b""
        if command in ("GET", "HEAD"):
            return self.get(objects, key)
        raise Refusal("MethodNotAllowed", "The specified method is not allowed against this resource.")

    def dispatch_bucket(self, bucket, objects, body):
        query = self.query
        if self.command == "POST" and "delete" in query:
            return self.delete_many(objects, body)
        if self.command == "HEAD":
            return 200, b"", {"x-amz-bucket-region": State.regions.get(bucket, REGION)}
        if self.command == "GET" and "location" in query:
            return 200, "<LocationConstraint>%s</LocationConstraint>" % State.regions.get(bucket, REGION)
        if self.command == "GET" and "uploads" in query:
            return 200, "<ListMultipartUploadsResult>%s</ListMultipartUploadsResult>" % "".join(
                "<Upload><Key>%s</Key><UploadId>%s</UploadId></Upload>" % (escape(upload[1]), name)
                for name, upload in State.uploads.items() if upload[0] == bucket)
        if self.command == "GET":
            return self.list(bucket, objects)
        raise Refusal("MethodNotAllowed", "The specified method is not allowed against this resource.")

    def kept_headers(self):
        return {n: v for n, v in self.given.items() if n in KEPT or n.startswith("x-amz-meta-")}

    def check_conditions(self, old):
        wanted, absent = (None if name in State.ignored else self.given.get(name)
                          for name in ("if-match", "if-none-match"))
        if wanted and not old:
            raise Refusal("NoSuchKey", "The specified key does not exist.")
        if wanted and wanted not in ("*", old.etag) or absent == "*" and old:
            raise Refusal("PreconditionFailed", "At least one of the pre-conditions you specified did "
                          "not hold", Condition="If-Match" if wanted else "If-None-Match")

    def put(self, objects, key, body):
        self.check_conditions(objects.get(key))
        objects[key] = Stored(body, self.kept_headers())
        return 200, b"", {"ETag": objects[key].etag}

    def copy(self, objects, key):
        given = self.given
        source = urllib.parse.unquote(given["x-amz-copy-source"].lstrip("/"), errors="surrogateescape")
        bucket, _, name = source.partition("/")
        old = State.buckets.get(bucket, {}).get(name)
        if not old:
            raise Refusal("NoSuchKey", "The specified key does not exist.", Key=name)
        if given.get("x-amz-copy-source-if-match", old.etag) != old.etag:
            raise Refusal("PreconditionFailed", "The source has changed")
        replace = given.get("x-amz-metadata-directive", "COPY") == "REPLACE"
        if old is objects.get(key) and not replace:
            raise Refusal("InvalidRequest", "This copy request is illegal because it is trying to copy an "
                          "object to itself without changing the object's metadata")
        self.check_conditions(objects.get(key))
        objects[key] = Stored(old.body, self.kept_headers() if replace else dict(old.headers))
        return 200, "<CopyObjectResult><ETag>%s</ETag><LastModified>%s</LastModified></CopyObjectResult>" % (
            escape(objects[key].etag), iso(objects[key].modified))

    def get(self, objects, key):
        found = objects.get(key)
        if not found:
            raise Refusal("NoSuchKey", "The specified key does not exist.", Key=key)
        if self.given.get("if-none-match") == found.etag:
            raise Refusal("NotModified", "Not modified")
        self.check_conditions(found)
        headers = {"Content-Type": "binary/octet-stream", "ETag": found.etag,
                   "Last-Modified": email.utils.formatdate(found.modified, usegmt=True)}
        headers.update({n.title() if n in KEPT else n: v for n, v in found.headers.items()})
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.given.get("range", ""))
        if not asked:
            return 200, found.body, headers
        first, last = int(asked[1]), min(int(asked[2] or len(found.body)), len(found.body) - 1)
        if first > last:
            raise Refusal("InvalidRange", "The requested range is not satisfiable")
        headers["Content-Range"] = "bytes %d-%d/%d" % (first, last, len(found.body))
        return 206, found.body[first:last + 1], headers

    def list(self, bucket, objects):
        query = self.query
        if query.get("list-type") != "2":
            raise Refusal("InvalidRequest", "Only list-type=2 here")
        coded = query.get("encoding-type") == "url"
        spell = (lambda text: urllib.parse.quote(text, "/*-._", errors="surrogateescape").replace(
            "%20", "+")) if coded else (lambda text: escape(text))
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        limit = min(int(query.get("max-keys", "1000")), 1000)
        after = query.get("continuation-token", query.get("start-after", ""))
        rows, folders, last, truncated = [], [], "", False
        order = lambda text: text.encode("utf-8", "surrogateescape")  # noqa: E731
        for key in sorted((k for k in objects if k.startswith(prefix) and order(k) > order(after)), key=order):
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            folder = key[:cut + len(delimiter)] if cut >= 0 else None
            if folder and (folder in folders or after.startswith(folder)):
                last = key
                continue
            if len(rows) + len(folders) == limit:
                truncated = True
                break
            last = key
            if folder:
                folders.append(folder)
            else:
                found = objects[key]
                rows.append("<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%d"
                            "</Size><StorageClass>STANDARD</StorageClass></Contents>" % (
                                spell(key), iso(found.modified), escape(found.etag), len(found.body)))
        rows += ["<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>" % spell(f) for f in folders]
        return 200, '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name>' \
            "<Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys>%s<IsTruncated>%s</IsTruncated>" \
            "%s%s</ListBucketResult>" % (
                bucket, spell(prefix), len(rows), limit,
                "<EncodingType>url</EncodingType>" if coded else "", str(truncated).lower(),
                "<NextContinuationToken>%s</NextContinuationToken>" % escape(last) if truncated else "",
                "".join(rows))

    def delete_many(self, objects, body):
        if "content-md5" not in self.given:
            raise Refusal("InvalidRequest", "Missing required header for this request: Content-MD5")
        try:
            tree = xml.fromstring(body)
        except xml.ParseError:
            raise Refusal("MalformedXML", "The XML you provided was not well-formed")
        plain = lambda tag: tag.rsplit("}", 1)[-1]  # noqa: E731
        keys = [part.text or "" for item in tree if plain(item.tag) == "Object"
                for part in item if plain(part.tag) == "Key"]
        quiet = any(plain(item.tag) == "Quiet" and item.text == "true" for item in tree)
        if not 0 < len(keys) <= 1000:
            raise Refusal("MalformedXML", "1 to 1,000 keys")
        out = []
        for key in keys:
            if key.rsplit("/", 1)[-1].startswith("locked-"):
                out.append("<Error><Key>%s</Key><Code>AccessDenied</Code><Message>Access Denied</Message>"
                           "</Error>" % escape(key))
                continue
            objects.pop(key, None)
            if not quiet:
                out.append("<Deleted><Key>%s</Key></Deleted>" % escape(key))
        return 200, "<DeleteResult>%s</DeleteResult>" % "".join(out)

    def create_upload(self, bucket, key):
        name = "upload-%d" % time.monotonic_ns()
        State.uploads[name] = (bucket, key, self.kept_headers(), {})
        return 200, "<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId>" \
            "</InitiateMultipartUploadResult>" % (bucket, escape(key), name)

    def dispatch_upload(self, objects, key, body):
        name = self.query["uploadId"]
        if name not in State.uploads or State.uploads[name][1] != key:
            raise Refusal("NoSuchUpload", "The specified upload does not exist.")
        bucket, _, headers, parts = State.uploads[name]
        if self.command == "PUT":
            number = int(self.query["partNumber"])
            if not 1 <= number <= 10000:
                raise Refusal("InvalidRequest", "Part number must be from 1 to 10000")
            parts[number] = body
            return 200, b"", {"ETag": '"%s"' % hashlib.md5(body).hexdigest()}
        if self.command == "DELETE":
            del State.uploads[name]
            return 204, b""
        if self.command != "POST":
            raise Refusal("MethodNotAllowed", "The specified method is not allowed against this resource.")
        self.check_conditions(objects.get(key))
        return self.complete_upload(objects, bucket, key, headers, parts, body)

    def complete_upload(self, objects, bucket, key, headers, parts, body):
        listed = re.findall(rb"<Part>(.*?)</Part>", body, re.S)
        whole, digests, before = [], b"", 0
        for index, part in enumerate(listed):
            number = int(re.search(rb"<PartNumber>(\d+)<", part)[1])
            etag = re.search(rb"<ETag>(?:\"|&quot;|&#34;)?([0-9a-f]{32})", part)
            digest = hashlib.md5(parts.get(number, b"")).digest()
            if number not in parts or not etag or etag[1].decode() != digest.hex():
                raise Refusal("InvalidPart", "One or more of the specified parts could not be found.")
            if number <= before:
                raise Refusal("InvalidPartOrder", "The list of parts was not in ascending order.")
            if index < len(listed) - 1 and len(parts[number]) < 5 << 20:
                raise Refusal("EntityTooSmall", "Your proposed upload is smaller than the minimum")
            whole.append(parts[number])
            digests, before = digests + digest, number
        if not listed:
            raise Refusal("MalformedXML", "No parts")
        etag = '"%s-%d"' % (hashlib.md5(digests).hexdigest(), len(listed))
        objects[key] = Stored(b"".join(whole), headers, etag)
        del State.uploads[self.query["uploadId"]]
        return 200, "<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>%s</ETag>" \
            "</CompleteMultipartUploadResult>" % (bucket, escape(key), escape(etag))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads, request_queue_size = True, 256

    def handle_error(self, *_):
        pass  # a client that went away


def end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--clock", type=int, default=0)
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--ignore", action="append", default=[])
    options = parser.parse_args()
    State.clock, State.ignored = options.clock, options.ignore
    for bucket in options.bucket:
        name, _, region = bucket.partition("=")
        State.buckets[name] = {}
        State.regions[name] = region or REGION
    os.makedirs(options.folder, exist_ok=True)
    server = Server(("127.0.0.1", options.port), Handler)
    server.log = open(os.path.join(options.folder, "requests.log"), "a", encoding="utf-8",
                      errors="surrogateescape")
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    with open(options.folder + "/env.new", "w", encoding="utf-8") as env:
        env.write("STRICT_S3_ENDPOINT=http://127.0.0.1:%d\nSTRICT_S3_PORT=%d\nSTRICT_S3_REGION=%s\n"
                  "STRICT_S3_LOG=%s/requests.log\n" % (server.server_port, server.server_port, REGION,
                                                       os.path.abspath(options.folder)))
        for access, secret in SECRETS.items():
            env.write("STRICT_S3_%s_KEY=%s\nSTRICT_S3_%s_SECRET=%s\n" % (access, access, access, secret))
    os.rename(options.folder + "/env.new", options.folder + "/env")
    server.serve_forever()


if __name__ == "__main__":
    main()
