#!/usr/bin/env python3
"""A proxy in front of an HTTP server that does to requests what networks and overloaded servers do.

fault_proxy.py FOLDER http://HOST:PORT [RULES]

In the foreground until its parent dies. FOLDER/env tells PROXY_ENDPOINT once it answers;
FOLDER/requests.log has `METHOD TARGET STATUS IN-FLIGHT FAULTS` for each request (STATUS 0: none was
sent). RULES is a JSON list; FOLDER/rules is read anew whenever it is replaced, and counts start anew.
All rules whose `match` (a regular expression on `METHOD TARGET`, default: everything) is found apply:

  skip, times        leave the first N matching requests alone; act on N only
  latency_ms         a round trip more: before each answer, and once for each new connection
  cut                "accept" (before anything), "request" (after `after` bytes of the request's body went
                     on), "answer" (when there is one, nothing of which comes back), "response" (after
                     `after` bytes of the answer's body): the connection is reset
  stall              the same places: nothing moves any more, the connection stays open
  damage             "request" or "response": one byte of the body is another
  trickle            bytes a second of the answer's body
  date               seconds that the answer's Date is off
  max_in_flight      more requests than that at once: 503 SlowDown
  reply              {"status": 503, "headers": {}, "body": ""}: said without asking the server
                     ("code": "SlowDown" makes the body S3's XML)

The request goes on as it came, Host included, so that its signature still holds.
"""
import asyncio
import json
import os
import re
import sys
import time
import urllib.parse

CHUNK = 64 * 1024
XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>'


class Cut(Exception):
    pass


class Rules:
    def __init__(self, folder, text):
        self.path, self.stamp, self.list, self.seen = folder + "/rules", None, [], {}
        if text is not None:
            with open(self.path + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.rename(self.path + ".new", self.path)

    def refresh(self):
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self.stamp:
            with open(self.path, encoding="utf-8") as file:
                self.list = json.load(file)
            self.stamp, self.seen = stamp, {}

    def faults(self, line, in_flight):
        """What happens to this request: the keys of all rules that apply, later ones win."""
        self.refresh()
        chosen = {}
        for index, rule in enumerate(self.list):
            if not re.search(rule.get("match", ""), line) or in_flight <= rule.get("max_in_flight", 0):
                continue
            count = self.seen[index] = self.seen.get(index, 0) + 1
            skip = rule.get("skip", 0)
            if skip < count <= skip + rule.get("times", sys.maxsize):
                chosen.update(rule)
        if "max_in_flight" in chosen:
            chosen.setdefault("reply", {"status": 503, "code": "SlowDown"})
        return chosen


class Proxy:
    def __init__(self, folder, host, port, rules):
        self.host, self.port, self.rules, self.in_flight = host, port, rules, 0
        self.log = open(folder + "/requests.log", "a", buffering=1, encoding="latin-1")

    async def serve(self, reader, writer):
        upstream, fresh = None, True
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line = head.split(b" HTTP/", 1)[0].decode("latin-1")
                self.in_flight += 1
                shown = self.in_flight
                status, faults = 0, {}
                try:
                    faults = self.rules.faults(line, self.in_flight)
                    if "latency_ms" in faults:
                        await asyncio.sleep(faults["latency_ms"] * (2 if fresh else 1) / 1000)
                    fresh = False
                    if "reply" in faults:
                        status = await self.reply(head, reader, writer, faults["reply"])
                    else:
                        await self.fail_at("accept", faults)
                        if not upstream:
                            upstream = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
                        status, open_still = await self.exchange(head, reader, writer, upstream, faults)
                        if not open_still:
                            break
                finally:
                    self.in_flight -= 1
                    names = ",".join(k for k in faults if k not in ("match", "skip", "times", "after"))
                    self.log.write("%s %d %d %s\n" % (line, status, shown, names))
        except Cut:
            writer.transport.abort()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for end in (writer, upstream and upstream[1]):
                if end:
                    end.close()

    async def reply(self, head, reader, writer, said):
        async for _ in self.body(head, reader):
            pass
        text = said.get("body", "")
        if "code" in said:
            text = XML % (said["code"], said.get("message", "told to say so"))
        headers = {"Content-Type": "application/xml", "Content-Length": str(len(text.encode())),
                   "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())}
        headers.update(said.get("headers", {}))
        writer.write(("HTTP/1.1 %d Scripted\r\n%s\r\n" % (said["status"], "".join(
            "%s: %s\r\n" % pair for pair in headers.items()))).encode())
        if not head.startswith(b"HEAD "):
            writer.write(text.encode())
        await writer.drain()
        return said["status"]

    async def fail_at(self, place, faults):
        if faults.get("cut") == place:
            raise Cut
        if faults.get("stall") == place:
            await asyncio.Event().wait()

    async def body(self, head, reader, no_body=False):
        """The chunks of a body as they go over the wire, by the headers before it."""
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        if no_body:
            return
        if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.I):
            while True:
                line = await reader.readuntil(b"\r\n")
                size = int(line, 16)
                yield line + await reader.readexactly(size + 2)
                if size == 0:
                    return
        left = int(length[1]) if length else 0
        while left:
            chunk = await reader.read(min(left, CHUNK))
            if not chunk:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(chunk)
            yield chunk

    async def pass_on(self, place, head, reader, writer, faults, no_body=False):
        passed, after = 0, faults.get("after", 0)
        async for chunk in self.body(head, reader, no_body):
            stops = faults.get("cut") == place or faults.get("stall") == place
            if stops and passed + len(chunk) > after:
                writer.write(chunk[:after - passed])
                await writer.drain()
                await self.fail_at(place, faults)
            if faults.get("damage") == place and passed == 0:
                chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
            if place == "response" and "trickle" in faults:
                await self.trickle(chunk, writer, faults["trickle"])
            else:
                writer.write(chunk)
                await writer.drain()
            passed += len(chunk)
        await self.fail_at(place, faults)

    async def trickle(self, chunk, writer, speed):
        step = max(1, speed // 20)
        for start in range(0, len(chunk), step):
            writer.write(chunk[start:start + step])
            await writer.drain()
            await asyncio.sleep(step / speed)

    async def exchange(self, head, reader, writer, upstream, faults):
        up_reader, up_writer = upstream
        up_writer.write(re.sub(rb"\r\nexpect: [^\r]*", b"", head, flags=re.I))
        if re.search(rb"\r\nexpect: *100-continue", head, re.I):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await self.pass_on("request", head, reader, up_writer, faults)
        await up_writer.drain()
        answer = await up_reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(b" ", 2)[1])
        await self.fail_at("answer", faults)
        if "date" in faults:
            wrong = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + faults["date"]))
            answer = re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: " + wrong.encode(), answer, flags=re.I)
        writer.write(answer)
        await self.pass_on("response", answer, up_reader, writer, faults,
                           head.startswith(b"HEAD ") or status in (204, 304))
        await writer.drain()
        return status, not re.search(rb"\r\nconnection: *close", answer, re.I)


async def end_with_parent(parent):
    while os.getppid() == parent:
        await asyncio.sleep(0.2)
    os._exit(0)


async def main(folder, target, rules=None):
    os.makedirs(folder, exist_ok=True)
    parts = urllib.parse.urlsplit(target)
    proxy = Proxy(folder, parts.hostname, parts.port, Rules(folder, rules))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1 << 20, backlog=256)
    with open(folder + "/env.new", "w", encoding="utf-8") as env:
        port = server.sockets[0].getsockname()[1]
        env.write("PROXY_ENDPOINT=http://127.0.0.1:%d\nPROXY_LOG=%s/requests.log\n" % (
            port, os.path.abspath(folder)))
    os.rename(folder + "/env.new", folder + "/env")
    await end_with_parent(os.getppid())


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
