#!/usr/bin/env python3
"""A strict stand-in for the outside world's APIs: accepts only what the vendors' documents allow
(method, path, headers, every field and its type), answers in their forms, and fails as told.

vendors.py FOLDER

In the foreground until its parent dies. FOLDER/env tells the addresses once it answers:
VENDORS_URL, VENDORS_TLS_URL (with a certificate that nobody trusts and that is another host's) and
VENDORS_ELSEWHERE (another host: nothing with credentials may ever arrive there).
FOLDER/requests.ndjson has one object a request: api, method, path, query, headers, body, status, problem
(why it was refused), at and ended (seconds); FOLDER/elsewhere.ndjson the same for the other host.

FOLDER/faults, read at each request: lines `API FAULT [times=N] [after=SECONDS]`, API as in the table
below or `*`, the first that fits counts. FAULT is a status (401, 429:SECONDS for its Retry-After),
`error` (the API's own error inside a 200), `hang`, `cut` (closed without an answer), `half` (closed in
the midst of its answer), `garbage` (no HTTP), `html` (a page, with 200), `redirect` (to elsewhere),
`slow:SECONDS`. times: only so often, then it is well.
"""
import http.server
import json
import os
import re
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

KEY = "key-of-the-test"


# ---- what fields may be ----

class Bad(Exception):
    pass


def text(maximum=None, pattern=None, minimum=1):
    def check(value, where):
        if not isinstance(value, str):
            raise Bad("%s is not a string" % where)
        if len(value) < minimum or maximum and len(value) > maximum:
            raise Bad("%s has %d characters" % (where, len(value)))
        if pattern and not re.fullmatch(pattern, value):
            raise Bad("%s is '%s'" % (where, value))
    return check


def number(low, high):
    def check(value, where):
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Bad("%s is not a whole number from %d to %d" % (where, low, high))
    return check


def listing(each, least=0):
    def check(value, where):
        if not isinstance(value, list) or len(value) < least:
            raise Bad("%s is not a list" % where)
        for index, item in enumerate(value):
            each(item, "%s[%d]" % (where, index))
    return check


def fields(**known):
    """Names that end in _ are required."""
    def check(value, where):
        if not isinstance(value, dict):
            raise Bad("%s is not an object" % where)
        names = {name.rstrip("_"): (kind, name.endswith("_")) for name, kind in known.items()}
        for name in value:
            if name not in names:
                raise Bad("%s.%s is not known" % (where, name))
        for name, (kind, required) in names.items():
            if name in value:
                kind(value[name], "%s.%s" % (where, name))
            elif required:
                raise Bad("%s.%s is missing" % (where, name))
    return check


def anything(_value, _where):
    pass


SECONDS = number(10 ** 9, 10 ** 10)
MILLISECONDS = number(10 ** 12, 10 ** 13)
DATE = text(pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
URL = text(pattern=r"https?://[^\s]+")
SHA = text(pattern=r"[0-9a-f]{40}")
NANOSECONDS = text(pattern=r"[1-9]\d{18}")


def graphql(value, where):
    fields(query_=text(), variables_=anything)(value, where)
    if "changeTrackingCreateDeployment" not in value["query"]:
        raise Bad("another mutation")
    fields(d_=fields(entityGuid_=text(), version_=text(), changelog=text(), commit=text(), deepLink=text(),
                     description=text(), groupId=text(), timestamp=MILLISECONDS, user=text(),
                     deploymentType=text(pattern="BASIC|BLUE_GREEN|CANARY|OTHER|ROLLING|SHADOW")),
           r=fields(validationFlags=listing(text())))(value["variables"], where + ".variables")


def otlp(value, where):
    attribute = fields(key_=text(), value_=fields(stringValue=text(minimum=0), boolValue=anything,
                                                  intValue=text(pattern=r"-?\d+")))
    span = fields(traceId_=text(pattern="[0-9a-f]{32}"), spanId_=text(pattern="[0-9a-f]{16}"),
                  parentSpanId=text(pattern="[0-9a-f]{16}"), name_=text(), kind_=number(0, 5),
                  startTimeUnixNano_=NANOSECONDS, endTimeUnixNano_=NANOSECONDS,
                  attributes=listing(attribute),
                  status=fields(code=number(0, 2), message=text()))
    fields(resourceSpans_=listing(fields(
        resource_=fields(attributes=listing(attribute)),
        scopeSpans_=listing(fields(scope=fields(name_=text(), version=text()),
                                   spans_=listing(span, 1)), 1)), 1))(value, where)
    for one in value["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        if int(one["endTimeUnixNano"]) < int(one["startTimeUnixNano"]):
            raise Bad("%s ends before it starts" % one["name"])


# ---- the APIs: how they are asked, how they answer, how they complain ----

def plain(status, message):
    return {"error": message}


def rich_text(value, where):
    """Blocks of Slack: one rich_text of plain texts, bold or not, and links."""
    def element(one, place):
        if not isinstance(one, dict) or one.get("type") not in ("text", "link"):
            raise Bad("%s is no element" % place)
        if one["type"] == "text":
            fields(type_=text(), text_=text(maximum=3000),
                   style=fields(bold=anything, italic=anything, code=anything))(one, place)
        else:
            fields(type_=text(), url_=URL, text=text())(one, place)
    section = fields(type_=text(pattern="rich_text_section"), elements_=listing(element, 1))
    listing(fields(type_=text(pattern="rich_text"), elements_=listing(section, 1)), 1)(value, where)


def slack_text(value, where):
    text(maximum=40000)(value, where)
    if re.search("[<>]|&(?!(amp|lt|gt);)", value):
        raise Bad("%s is not escaped: %s" % (where, value))


STAMP = text(pattern=r"\d{10}\.\d{6}")
SLACK_ERROR = {400: "invalid_arguments", 401: "invalid_auth", 403: "missing_scope", 404: "channel_not_found",
               415: "invalid_post_type", 429: "ratelimited", 500: "internal_error"}


def slack_complaint(status, _message):
    return {"ok": False, "error": SLACK_ERROR.get(status, "fatal_error")}


def slack_posted(handler, body, _query):
    with handler.server.lock:
        handler.server.posted.append("15034%05d.000200" % (len(handler.server.posted) + 1))
        stamp = handler.server.posted[-1]
    if "thread_ts" in body and body["thread_ts"] not in handler.server.posted:
        return {"ok": False, "error": "thread_not_found"}
    if not re.fullmatch("#operations|C024BE91L", body["channel"]):
        return {"ok": False, "error": "channel_not_found"}
    return {"ok": True, "channel": "C024BE91L", "ts": stamp, "message": {"text": body["text"]}}


def slack_updated(handler, body, _query):
    if body["channel"] != "C024BE91L":
        return {"ok": False, "error": "channel_not_found"}
    if body["ts"] not in handler.server.posted:
        return {"ok": False, "error": "message_not_found"}
    return {"ok": True, "channel": body["channel"], "ts": body["ts"], "text": body["text"]}


def from_file(name, otherwise):
    """What a test wrote to FOLDER/NAME."""
    def answer(handler, _body, _query):
        try:
            with open(os.path.join(handler.server.folder, name), encoding="utf-8") as lines:
                return json.load(lines)
        except OSError:
            return otherwise
    return answer


def slack_presence(handler, _body, query):
    there = from_file("presence", {})(handler, None, None)
    if query["user"] not in there:
        return {"ok": False, "error": "user_not_found"}
    return {"ok": True, "presence": there[query["user"]]}


SLACK = dict(headers={"authorization": "Bearer " + KEY}, status=200, complain=slack_complaint, soft=True,
             type="application/json; charset=utf-8", error={"ok": False, "error": "channel_not_found"})
GITHUB = dict(method="GET", body=None, status=200, complain=lambda status, message: {
    "message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)},
              headers={"authorization": "Bearer " + KEY, "accept": "application/vnd.github+json",
                       "x-github-api-version": "2022-11-28", "user-agent": "shipit"})

API = {
    "slack-post": dict(SLACK, method="POST", path="/api/chat.postMessage", serve=slack_posted,
                       body=fields(channel_=text(), text_=slack_text, blocks_=rich_text,
                                   thread_ts=STAMP, unfurl_links=anything)),
    "slack-update": dict(SLACK, method="POST", path="/api/chat.update", serve=slack_updated,
                         body=fields(channel_=text(), text_=slack_text, blocks_=rich_text, ts_=STAMP)),
    "slack-presence": dict(SLACK, method="GET", path="/api/users.getPresence", serve=slack_presence,
                           body=None, query={"user": None}),
    "slack-hook": dict(method="POST", path="/services/T000/B000/" + KEY, headers={}, status=200,
                       body=fields(text_=slack_text, blocks_=rich_text),
                       answer=lambda body: "ok", complain=lambda status, message: "invalid_payload"),
    "github-checks": dict(GITHUB, path="/repos/acme/shop/commits/[0-9a-f]{40}/check-runs",
                          query={"per_page": "100", "page": None},
                          serve=from_file("checks", {"total_count": 0, "check_runs": []})),
    "github-status": dict(GITHUB, path="/repos/acme/shop/commits/[0-9a-f]{40}/status", query={"per_page": "100"},
                          serve=from_file("statuses", {"state": "pending", "total_count": 0,
                                                       "statuses": []})),
    "gitlab": dict(method="GET", path="/api/v4/projects/acme%2Fshop/pipelines", body=None, status=200,
                   query={"sha": None, "order_by": "id", "sort": "desc", "per_page": "20"},
                   headers={"private-token": KEY}, serve=from_file("pipelines", []),
                   complain=lambda status, message: {"message": "%d %s" % (status, message)}),
    "newrelic": dict(method="POST", path="/graphql", headers={"api-key": KEY}, body=graphql, status=200,
                     answer=lambda body: {"data": {"changeTrackingCreateDeployment": {
                         "deploymentId": "d-1", "entityGuid": "g", "timestamp": 1}}},
                     complain=lambda status, message: {"errors": [{"message": message}]},
                     error={"data": {"changeTrackingCreateDeployment": None}, "errors": [
                         {"message": "Entity not found for guid", "path": ["changeTrackingCreateDeployment"],
                          "extensions": {"errorClass": "NOT_FOUND"}}]}),
    "datadog-dora": dict(method="POST", path="/api/v2/dora/deployment", headers={"dd-api-key": KEY},
                         body=fields(data_=fields(attributes_=fields(
                             service_=text(), started_at=number(10 ** 9, 10 ** 20),
                             finished_at_=number(10 ** 9, 10 ** 20),
                             git=fields(commit_sha_=SHA, repository_url_=text()), env=text(),
                             version=text(), id=text(maximum=128, pattern=r"[\w.:-]{16,128}"),
                             custom_tags=listing(text(pattern=r"[^:]+:.+"))))),
                         status=202, answer=lambda body: {"data": {"id": "1", "type": "dora_deployment"}},
                         complain=lambda status, message: {"errors": [
                             {"status": str(status), "title": message, "detail": message}]}),
    "datadog-event": dict(method="POST", path="/api/v1/events", headers={"dd-api-key": KEY},
                          body=fields(title_=text(maximum=500), text_=text(maximum=4000),
                                      tags=listing(text()), date_happened=SECONDS,
                                      alert_type=text(pattern="info|warning|error|success"),
                                      source_type_name=text(), aggregation_key=text(maximum=100),
                                      priority=text(pattern="normal|low"), host=text()),
                          status=202, answer=lambda body: {"status": "ok", "event": {"id": 1}},
                          complain=lambda status, message: {"errors": [message]}),
    "sentry-release": dict(method="POST", path="/api/0/organizations/acme/releases/",
                           headers={"authorization": "Bearer " + KEY},
                           body=fields(version_=text(maximum=250, pattern=r"[^\n\t/]+"),
                                       projects_=listing(text(), 1), ref=text(), url=URL,
                                       dateReleased=DATE, commits=listing(fields(
                                           id_=text(maximum=64), repository=text(), message=text(),
                                           author_name=text(maximum=128), author_email=text(maximum=255),
                                           timestamp=DATE)),
                                       refs=listing(fields(repository_=text(), commit_=text(),
                                                           previousCommit=text()))),
                           status=201, answer=lambda body: {"version": body["version"]},
                           complain=lambda status, message: {"detail": message}),
    "sentry-deploy": dict(method="POST", path=r"/api/0/organizations/acme/releases/[^/]+/deploys/",
                          headers={"authorization": "Bearer " + KEY},
                          body=fields(environment_=text(maximum=64), name=text(maximum=64), url=URL,
                                      dateStarted=DATE, dateFinished=DATE, projects=listing(text())),
                          status=201, answer=lambda body: dict(body, id="1"),
                          complain=lambda status, message: {"detail": message}),
    "honeycomb": dict(method="POST", path=r"/1/markers/[A-Za-z0-9_.-]+", headers={"x-honeycomb-team": KEY},
                      body=fields(message=text(), type=text(), url=URL, start_time=SECONDS,
                                  end_time=SECONDS),
                      status=201, answer=lambda body: dict(body, id="d1c84ec0"), complain=plain),
    "grafana": dict(method="POST", path="/api/annotations", headers={"authorization": "Bearer " + KEY},
                    body=fields(text_=text(), tags=listing(text()), time=MILLISECONDS,
                                timeEnd=MILLISECONDS, dashboardUID=text(), panelId=number(0, 10 ** 9)),
                    status=200, answer=lambda body: {"message": "Annotation added", "id": 1},
                    complain=lambda status, message: {"message": message, "traceID": ""}),
    "appsignal": dict(method="POST", path="/1/markers", headers={},
                      query={"api_key": KEY, "name": None, "environment": None},
                      body=fields(revision_=text(), repository=text(), user_=text()),
                      status=200, answer=lambda body: None, complain=plain),
    "rollbar": dict(method="POST", path="/api/1/deploy/?", headers={"x-rollbar-access-token": KEY},
                    body=fields(environment_=text(maximum=255), revision_=text(maximum=255),
                                rollbar_username=text(maximum=255), local_username=text(maximum=255),
                                comment=text(maximum=65536),
                                status=text(pattern="started|succeeded|failed|timed_out")),
                    status=200, answer=lambda body: {"err": 0, "result": {"data": {"deploy_id": 1}}},
                    complain=lambda status, message: {"err": 1, "message": message},
                    error={"err": 1, "message": "invalid access token"}),
    "otlp": dict(method="POST", path="/v1/traces", headers={"x-key": KEY}, body=otlp, status=200,
                 answer=lambda body: {"partialSuccess": {}},
                 complain=lambda status, message: {"code": 3, "message": message},
                 error={"partialSuccess": {"rejectedSpans": "3", "errorMessage": "spans too old"}}),
    "hook": dict(method="POST", path="/hook(/.*)?", headers={}, body=anything, status=200,
                 answer=lambda body: {"received": True}, complain=plain, key_header="x-token"),
    "heartbeat": dict(method="GET", path=r"/ping/[0-9a-f-]{36}(/start|/fail|/\d+)?", headers={},
                      query={"rid": None}, body=None, status=200, answer=lambda body: "OK",
                      complain=lambda status, message: message),
    "page": dict(method="GET", path="/page(/.*)?", headers={}, body=None, status=200,
                 answer=lambda body: {"status": "ok", "queue": {"length": 3}}, complain=plain),
}
REFUSAL = {400: "the request is malformed", 401: "authentication failed", 403: "you may not do that",
           404: "not found", 409: "it exists already", 422: "a value is not acceptable",
           429: "too many requests", 500: "internal error", 503: "unavailable"}


class Fault:
    """A line of FOLDER/faults; how often it was used is kept between readings."""
    used = {}
    lock = threading.Lock()

    @classmethod
    def find(cls, folder, api):
        try:
            with open(folder + "/faults", encoding="utf-8") as lines:
                lines = lines.read().split("\n")
        except OSError:
            return None
        with cls.lock:
            for line in lines:
                words = line.split()
                options = dict(word.split("=") for word in words[2:])
                if len(words) < 2 or words[0] not in (api, "*"):
                    continue
                key = (line, api)
                if "times" in options and cls.used.get(key, 0) >= int(options["times"]):
                    continue
                cls.used[key] = cls.used.get(key, 0) + 1
                return words[1]
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, **more):
        line = dict(method=self.command, path=urllib.parse.urlsplit(self.path).path,
                    query=urllib.parse.urlsplit(self.path).query,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    at=self.began, ended=time.time(), **more)
        with self.server.lock:
            self.server.log.write(json.dumps(line) + "\n")
            self.server.log.flush()

    def reply(self, status, value, headers=()):
        body = b"" if value is None else value.encode() if isinstance(value, str) else json.dumps(
            value).encode()
        self.send_response(status)
        for name, content in headers:
            self.send_header(name, content)
        self.send_header("Content-Type", "application/json" if not isinstance(value, str) else
                         "text/html" if value.startswith("<") else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end(self):
        self.close_connection = True
        self.connection.close()

    def check(self, api, body):
        """0 and the parsed body, or a status and what is wrong."""
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(
            parts.query)))
        for name, value in api["headers"].items():
            if self.headers.get(name) != value:
                return 401, "%s is '%s'" % (name, self.headers.get(name))
        for name, value in api.get("query", {}).items():
            if name not in query or value and query[name] != value:
                return 401 if value == KEY else 400, "?%s is '%s'" % (name, query.get(name))
        if set(query) - set(api.get("query", {})):
            return 400, "?%s" % parts.query
        if self.command != api["method"] and api["body"] is not anything:
            return 405, self.command
        if api["body"] is None:
            return (400, "a body") if body else (0, None)
        if api["body"] is anything:
            return 0, None
        if self.headers.get("Content-Type") != api.get("type", "application/json"):
            return 415, "Content-Type: %s" % self.headers.get("Content-Type")
        try:
            value = json.loads(body.decode("utf-8"))
            api["body"](value, "body")
        except (ValueError, Bad) as problem:
            return 400, str(problem)
        return 0, value

    def fail(self, fault, api):
        """Fails as told; the status that it answered with, or None: go on."""
        kind, _, argument = fault.partition(":")
        if kind == "slow":
            time.sleep(float(argument))
            return None
        if kind == "hang":
            self.server.ends.wait()
        elif kind == "cut":
            pass
        elif kind == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half")
        elif kind == "garbage":
            self.wfile.write(b"\x00\xff\xfe SSH-2.0-nothing\r\n\r\n")
        elif kind == "html":
            self.reply(200, "<html><body>Please sign in</body></html>")
            return 200
        elif kind == "error":
            self.reply(200, api["error"])
            return 200
        elif kind == "redirect":
            self.reply(307, None, [("Location", self.server.elsewhere + self.path)])
            return 307
        else:
            status = int(kind)
            self.reply(status, api["complain"](status, REFUSAL.get(status, "failed")),
                       [("Retry-After", argument)] if argument else [])
            return status
        self.end()
        return 0

    def serve(self):
        self.began = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        shown = body.decode("utf-8", "replace")
        path = urllib.parse.urlsplit(self.path).path
        name = next((name for name in API if re.fullmatch(API[name]["path"], path)), None)
        if self.server.is_elsewhere or not name:
            self.note(api=name, body=shown, status=404, problem="no such path")
            self.reply(404, {"error": "no such path"})
            return
        api = API[name]
        fault = Fault.find(self.server.folder, name)
        status = self.fail(fault, api) if fault else None
        if status is not None:
            self.note(api=name, body=shown, status=status, problem=fault)
            return
        status, found = self.check(api, body)
        self.note(api=name, body=shown, status=status or api["status"],
                  problem=found if status else None)
        if status:
            self.reply(200 if "soft" in api else status, api["complain"](status, found))
        elif "serve" in api:
            query = urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)
            self.reply(api["status"], api["serve"](self, found, dict(query)))
        else:
            self.reply(api["status"], api["answer"](found))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
    is_elsewhere = False
    posted = []  # stamps of Slack's messages

    def __init__(self, folder, log):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.lock, self.ends = folder, threading.Lock(), threading.Event()
        self.log = open(os.path.join(folder, log), "a", encoding="utf-8")

    def handle_error(self, request, client_address):
        pass

    def run(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()


def encrypt(server, folder):
    """A certificate of nobody's, for another host."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=elsewhere.example.com", "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if made.returncode:
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return True


def main():
    folder = os.path.abspath(sys.argv[1])
    parent = os.getppid()
    os.makedirs(folder, exist_ok=True)
    server, secure = Server(folder, "requests.ndjson"), Server(folder, "requests.ndjson")
    elsewhere = Server(folder, "elsewhere.ndjson")
    elsewhere.is_elsewhere = True
    server.elsewhere = secure.elsewhere = "http://127.0.0.1:%d" % elsewhere.server_port
    encrypted = encrypt(secure, folder)
    for one in (server, secure, elsewhere):
        one.run()
    with open(folder + "/env.new", "w", encoding="utf-8") as env:
        env.write("VENDORS_URL=http://127.0.0.1:%d\nVENDORS_ELSEWHERE=%s\nVENDORS_TLS_URL=%s\n" % (
            server.server_port, server.elsewhere,
            "https://127.0.0.1:%d" % secure.server_port if encrypted else ""))
    os.rename(folder + "/env.new", folder + "/env")
    while os.getppid() == parent:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
