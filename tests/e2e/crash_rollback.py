"""Kills rollbacks at every moment in turn, then recovers or resumes, and looks whether all is well:
crash_rollback.py FOLDER COMMAND ACTION:CALL:EVERY ...

COMMAND is `deploy` (one whose smoke test fails with on_fail: rollback; it is killed from there on)
or `rollback`. FOLDER has what crash_rollback_shop of lib_crash.sh makes; the rest is as in
crash_matrix.py."""
import json
import os
import random
import sys

import crash_matrix as matrix
from crash_matrix import check, read, run


def folders():
    return set(os.listdir(matrix.deploys))


def commit_of(name):
    return read("live.commit") if name == "live" else read(name + ".commit")


def check_truth(good, bad):
    """What the records say is live is what production shows."""
    now, warnings = matrix.status()
    live, release = read("live.commit"), read("live")
    check("interrupted" not in warnings, "status still tells of an interrupted deploy")
    check(now["maintenance"] is None, "maintenance is on: %s" % now["maintenance"])
    check(now["commit"] == live, "%s is live, the records say %s" % (live, now["commit"]))
    check(now["id"] == release, "%s is live, the records say %s" % (release, now["id"]))
    check(live in (good, bad), "%s is live" % live)
    check(not now["lock"] or now["lock"]["kind"] == "hold", "a lease is left: %s" % now["lock"])
    return now


def settle(choice, deploy, new, wanted):
    """Which it ends with: what recover or resume did."""
    refused = run("deploy", "--yes", "--redeploy")
    check(refused.returncode == 3, "deploy ends with %d, not 3" % refused.returncode)
    if choice == "recover":
        done = run("recover")
        check(done.returncode == 0, "recover ends with %d" % done.returncode)
        return
    flags = []
    for name in sorted(new, reverse=True):
        for step in matrix.under_way(name):
            flags += ["--step-again", step]
    done = run("resume", deploy, *flags)
    check(done.returncode == wanted, "resume ends with %d, not %d" % (done.returncode, wanted))


def moment(command, shim, choice):
    """One deploy or rollback that meets its fate; False when it ended before that moment came."""
    good, bad = commit_of("good"), commit_of("bad")
    goal = bad if command == "rollback" and read("live.commit") == good else good
    arguments = {"deploy": ["deploy", "--ref", bad],
                 "rollback": ["rollback", "--no-lock", matrix.release_of(goal)]}[command]
    wanted = {"deploy": 5, "rollback": 0}[command]
    seen = folders()
    if os.path.exists(matrix.mark):
        os.unlink(matrix.mark)
    done = run(*arguments, "--yes", "--silent", shim=shim)
    new = sorted(folders() - seen, key=lambda name: os.stat(
        os.path.join(matrix.deploys, name)).st_ctime_ns)
    came = os.path.exists(matrix.mark)
    check(came or done.returncode == wanted, "undisturbed, it ends with %d" % done.returncode)
    now, warnings = matrix.status()
    if "interrupted" in warnings:
        settle(choice, now["lock"]["id"], new, wanted)
    for name in new:
        matrix.check_once(name)
    if shim.startswith("fail") and matrix.status()[0]["maintenance"]:
        # What would start it failed: it was shouted about, and the next one does.
        check(done.returncode == 4, "something is halted, and it ends with %d" % done.returncode)
        check("DOES NOT RUN" in done.stderr, "what is halted was not shouted about")
        check(run("maintenance", "off", "--yes").returncode == 0, "maintenance off fails")
    matrix.check_halts()
    now = check_truth(good, bad)
    live = read("live.commit")
    if not came or choice == "resume" and "interrupted" in warnings:
        check(live == goal, "it was to be %s, %s is live" % (goal, live))
    records = json.loads(run("history", "--json").stdout)
    if command == "deploy" and "interrupted" in warnings:
        told = {record["id"]: record["status"] for record in reversed(records)}
        own = [told[name] for name in new if name in told and
               told[name] in ("rolled_back", "failed_live", "failed", "interrupted")]
        check(own, "the deploy is not in the history: %s" % told)
        if live == good and now["id"] in new and shim.startswith("kill"):
            check("rolled_back" in own, "it was rolled back, the history says %s" % own)
            check(now["lock"] is not None, "it was rolled back, and nothing is locked")
    if now["lock"]:
        check(run("unlock").returncode == 0, "unlock fails")
    if command == "deploy" and live == bad:
        check(run("rollback", "--yes", "--silent", "--no-lock").returncode == 0, "rollback fails")
    return came


def first_moment(command):
    """The line of its journal behind which the smoke test is over."""
    if command == "rollback":
        return 1
    seen = folders()
    check(run("deploy", "--ref", commit_of("bad"), "--yes", "--silent").returncode == 5,
          "a deploy with a bad commit does not roll back")
    check(run("unlock").returncode == 0, "unlock fails")
    for name in folders() - seen:
        events = matrix.journal(name)
        checks = [i for i, event in enumerate(events) if event["event"] == "smoke.check"]
        if events[-1].get("status") == "rolled_back" or "rolled_back" in str(events):
            return checks[-1]
    raise matrix.Wrong("no journal tells of a smoke test")


def moments(command, action, call, every):
    every = 1 if matrix.everything else every
    number = first_moment(command) if call == "event" else 1
    number += random.Random("%d %s" % (matrix.seed, command)).randrange(every)
    turn = 0
    while True:
        choice = ("recover", "resume")[turn % 2]
        matrix.said.clear()
        shim = "%s:%s:%d" % (action, call, number)
        try:
            if not moment(command, shim, choice):
                return turn
        except matrix.Wrong as error:
            print("%s, %s, then %s (CRASH_SEED=%d): %s" % (command, shim, choice, matrix.seed, error))
            print("\n".join(matrix.said))
            for name in sorted(folders())[-2:]:
                print("\n".join(json.dumps(event) for event in matrix.journal(name)))
            sys.exit(1)
        number += every
        turn += 1


for argument in sys.argv[3:]:
    words = argument.split(":")
    count = moments(sys.argv[2], words[0], words[1], int(words[2]))
    print("# %s %s: %d moments" % (sys.argv[2], argument, count))
    if count == 0:
        print("not one moment came")
        sys.exit(1)
