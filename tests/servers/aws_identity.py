#!/usr/bin/env python3
"""A stand-in for everything that hands out Amazon's keys: STS, the SSO portal and its OIDC service, a
container's address, an EC2 instance's (IMDSv2).

aws_identity.py FOLDER

Prints its URL, then serves until its stdin ends. FOLDER/requests.log has a line for each request. All
that is secret has `s3cr3t` in it, so that tests can look for it where it should not be.

STS checks signatures. It knows the key SOURCE, and those that it gave out itself: `ROLE-name` for
arn:...:role/name; the roles denied and garbled get what their names say. Below /norole, /badrole,
/old and /notoken lie instances of those kinds.
"""
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sigv4  # noqa: E402

SECRETS = {"SOURCE": ("source-s3cr3t", None), "SSO": ("sso-s3cr3t", "sso-token-s3cr3t"),
           "INSTANCE": ("instance-s3cr3t", "instance-token-s3cr3t")}
FAR = "2030-01-01T00:00:00Z"
ROLES = "/latest/meta-data/iam/security-credentials/"


def secret_of(key):
    if key.startswith("ROLE-"):
        return ("s3cr3t-of-" + key, "token-s3cr3t-of-" + key)
    return SECRETS.get(key)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def note(self, text):
        with open(os.path.join(sys.argv[1], "requests.log"), "a") as log:
            log.write(text + "\n")

    def answer(self, status, body, kind="application/json"):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def keys(self, key, secret, token, **more):
        self.answer(200, dict(AccessKeyId=key, SecretAccessKey=secret, Token=token, Expiration=FAR,
                              **more))

    # ---- STS ----

    def fault(self, status, code, message):
        self.answer(status, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s"
                    "</Message></Error></ErrorResponse>" % (code, message), "text/xml")

    def signer(self, body):
        """Who signed it, or the fault that this is."""
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/([^/]+)/sts/aws4_request), "
                             r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                             self.headers.get("Authorization", ""))
        if not match:
            return None, ("MissingAuthenticationToken", "not signed")
        key, scope, region, names, signature = match.groups()
        known = secret_of(key)
        if not known or known[1] != self.headers.get("X-Amz-Security-Token"):
            return None, ("InvalidClientTokenId", "The security token included is invalid.")
        signed = names.split(";")
        headers = {name.lower(): value for name, value in self.headers.items()}
        needed = {name for name in headers if name.startswith("x-amz-")} | {"host"}
        canonical = sigv4.canonical_request(
            "POST", self.path, "", headers, signed, sigv4.hashlib.sha256(body).hexdigest())
        right = sigv4.signature(known[0], scope, sigv4.string_to_sign(
            headers.get("x-amz-date", ""), scope, canonical))
        if signature != right or not needed <= set(signed) or region != "eu-west-9":
            return None, ("SignatureDoesNotMatch", "The request signature does not match.")
        return key, None

    def sts(self, body):
        form = {name: values[0] for name, values in
                urllib.parse.parse_qs(body.decode(), keep_blank_values=True).items()}
        action = form.get("Action", "")
        role = form.get("RoleArn", "").rpartition("/")[2]
        who, fault = "-", None
        if action == "AssumeRole":
            who, fault = self.signer(body)
        elif "Authorization" in self.headers:
            fault = ("SignatureDoesNotMatch", "signed, and should not be")
        elif form.get("WebIdentityToken") != "identity-s3cr3t":
            fault = ("ExpiredTokenException", "Token expired: current date/time 2")
        if role == "denied":
            fault = ("AccessDenied", "User: SOURCE is not authorized to perform: sts:AssumeRole")
        self.note(" ".join([action, str(who), role, form.get("RoleSessionName", "-"),
                            form.get("ExternalId", "-"), form.get("DurationSeconds", "-")]))
        if fault:
            self.fault(403, *fault)
        elif role == "garbled":
            self.answer(200, "<html>s3cr3t", "text/html")
        else:
            key = "ROLE-" + role
            self.answer(200, "<%sResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
                        "<%sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s"
                        "</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration>"
                        "</Credentials></%sResult></%sResponse>"
                        % ((action, action, key) + secret_of(key) + (FAR, action, action)),
                        "text/xml")

    # ---- SSO ----

    def portal(self, query):
        values = urllib.parse.parse_qs(query)
        role, account = values["role_name"][0], values["account_id"][0]
        self.note("GetRoleCredentials %s %s" % (role, account))
        if self.headers.get("x-amz-sso_bearer_token") not in ("bearer-s3cr3t", "newer-s3cr3t"):
            self.answer(401, {"message": "Session token not found or invalid"})
        elif role == "Nobody":
            self.answer(403, {"message": "No access"})
        else:
            key, (secret, token) = "SSO", SECRETS["SSO"]
            self.answer(200, {"roleCredentials": {
                "accessKeyId": key, "secretAccessKey": secret, "sessionToken": token,
                "expiration": 1893456000000}})

    def oidc(self, body):
        wanted = {"grantType": "refresh_token", "clientId": "client",
                  "clientSecret": "client-s3cr3t", "refreshToken": "refresh-s3cr3t"}
        self.note("CreateToken")
        if json.loads(body) != wanted:
            self.answer(400, {"error": "invalid_grant"})
        else:
            self.answer(200, {"accessToken": "newer-s3cr3t", "expiresIn": 3600,
                              "refreshToken": "next-s3cr3t", "tokenType": "Bearer"})

    # ---- machines ----

    def container(self):
        self.note("container")
        if self.headers.get("Authorization") == "container-s3cr3t":
            self.keys("CONTAINER", "container-key-s3cr3t", "container-token-s3cr3t")
        else:
            self.answer(401, {"Code": "Unauthorized", "Message": "no token"})

    def instance(self, kind, path):
        if self.headers.get("x-aws-ec2-metadata-token") != "imds-s3cr3t":
            self.answer(401, "")
        elif kind == "norole" or not path.startswith(ROLES):
            self.answer(404, "")
        elif path == ROLES:
            self.answer(200, "web-role\n", "text/plain")
        elif kind == "badrole":
            self.answer(200, {"Code": "AssumeRoleUnauthorizedAccess", "Message": "not trusted"})
        else:
            secret, token = SECRETS["INSTANCE"]
            self.answer(200, {"Code": "Success", "AccessKeyId": "INSTANCE",
                              "SecretAccessKey": secret, "Token": token,
                              "Expiration": "2020-01-01T00:00:00Z" if kind == "old" else FAR})

    def do_PUT(self):
        kind, path = re.fullmatch(r"/?(\w*?)(/latest/.*)", self.path).groups()
        self.note("PUT %s %s" % (kind or "-", path))
        if kind == "notoken":
            self.answer(403, "")
        else:
            self.answer(200 if self.headers.get("x-aws-ec2-metadata-token-ttl-seconds") else 400,
                        "imds-s3cr3t", "text/plain")

    def do_GET(self):
        path, _, query = self.path.partition("?")
        instance = re.fullmatch(r"/?(\w*?)(/latest/.*)", path)
        if path == "/federation/credentials":
            self.portal(query)
        elif path == "/container/s3cr3t":
            self.container()
        elif instance:
            self.instance(*instance.groups())
        else:
            self.answer(404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/token":
            self.oidc(body)
        else:
            self.sts(body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def main():
    server = Server(("127.0.0.1", 0), Handler)
    print("http://127.0.0.1:%d" % server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
