"""Kills shipit, signals it or makes its calls fail at every moment in turn, then recovers or
resumes, and looks whether all is well:  crash_matrix.py FOLDER ACTION:CALL[:EVERY] ...

FOLDER has the repository `repo` (lib_crash.sh makes it). ACTION and CALL are those of
tests/shim/shim.c, or fail:push, or kill:time: after a time that CRASH_SEED chooses, so often. Of the
other moments every EVERY-th is tried, beginning at one that CRASH_SEED chooses; CRASH_ALL=1 tries
all. Says what is wrong, else how many moments there were."""
import json
import os
import random
import shutil
import subprocess
import sys
import time

folder = sys.argv[1]
repo = os.path.join(folder, "repo")
shipit = os.environ["SHIPIT"]
seed = int(os.environ.get("CRASH_SEED", "1"))
everything = bool(os.environ.get("CRASH_ALL"))
mark = os.path.join(folder, "mark")
deploys = os.path.join(repo, ".git", "shipit", "deploys")
said = []
took = [0.5]    # seconds, a deploy that nothing befell


class Wrong(Exception):
    pass


def kill_later(process, number):
    """After a part of the time that the last whole deploy took."""
    time.sleep(random.Random("%d %d" % (seed, number)).random() * took[0])
    if process.poll() is None:
        open(mark, "w").close()
        process.kill()


def run(*arguments, shim=None, timeout=60):
    environment = dict(os.environ)
    if shim and shim.startswith("fail:push:"):
        with open(os.path.join(folder, "pushes"), "w"):
            pass
        environment.update(PATH=os.path.join(folder, "bin") + ":" + environment["PATH"],
                           PUSHES=os.path.join(folder, "pushes"), PUSH_FAILS=shim.split(":")[2],
                           SHIM_MARK=mark)
    elif shim:
        environment.update(SHIM=shim, SHIM_MARK=mark, LD_PRELOAD=os.environ["SHIM_LIBRARY"],
                           DYLD_INSERT_LIBRARIES=os.environ["SHIM_LIBRARY"])
    command = [shipit, "-C", repo, *arguments]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          errors="replace") as process:
        if shim and shim.startswith("kill:time:"):
            kill_later(process, int(shim.split(":")[2]))
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    said.append("$ shipit %s   (%s, %s)\n%s%s" % (" ".join(arguments), shim, done.returncode,
                                                done.stdout[-3000:], done.stderr[-6000:]))
    return done


def check(holds, text):
    if not holds:
        raise Wrong(text)


def read(name):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def status():
    done = run("status", "--json")
    check(done.returncode == 0, "status ends with %d" % done.returncode)
    return json.loads(done.stdout)["environments"][0], done.stderr


def release_of(commit):
    """ID of the deploy that made a commit live."""
    records = json.loads(run("history", "--json").stdout)
    return [record["id"] for record in records if record["commit"] == commit and
            record["kind"] == "deploy" and record["live"] == commit][-1]


def journal(deploy):
    events = []
    try:
        with open(os.path.join(deploys, deploy, "events.ndjson"), errors="replace") as file:
            for line in file:
                try:
                    events.append(json.loads(line))
                except ValueError:
                    pass    # torn
    except FileNotFoundError:
        pass
    return events


def newest_deploy():
    def key(name):
        parts = name.split("-")
        return parts[0], parts[1], int(parts[3]) if len(parts) > 3 else 1
    names = sorted(os.listdir(deploys), key=key) if os.path.isdir(deploys) else []
    return names[-1] if names else None


def check_once(deploy):
    """No finished step was run again, unless it was undone meanwhile."""
    finished = set()
    for event in journal(deploy):
        key = event.get("stage"), event.get("step")
        undo = event.get("action") == "undo"
        if event["event"] == "step.started" and undo:
            finished.discard(key)
        elif event["event"] == "step.started":
            check(key not in finished, "%s.%s was finished, and ran again" % key)
        elif event["event"] == "step.finished" and event.get("status") == "ok" and not undo:
            finished.add(key)


def under_way(deploy):
    """STAGE.STEP of what nobody knows the end of."""
    open_steps = {}
    for event in journal(deploy):
        key = "%s.%s" % (event.get("stage"), event.get("step"))
        if event.get("action") in ("undo", "start", "stop"):
            if event["event"] == "step.started":
                open_steps.pop(key, None)
        elif event["event"] == "step.started":
            open_steps[key] = True
        elif event["event"] == "step.finished":
            open_steps.pop(key, None)
    return list(open_steps)


def check_halts():
    for halt in ("cron", "workers"):
        pid = read(halt + ".pid")
        check(pid and os.path.exists("/proc/" + pid if sys.platform == "linux" else folder),
              halt + " does not run")
        check(subprocess.run([os.path.join(folder, "worker"), "runs", halt],
                             capture_output=True).returncode == 0, halt + " does not run")
    check(not read("twice"), "started although it ran: " + read("twice"))


def check_truth(deploy, before):
    """What the records say is what production shows."""
    now, warnings = status()
    check(now["lock"] is None, "the lock is not free: %s" % now["lock"])
    check("interrupted" not in warnings, "status still tells of an interrupted deploy")
    check(now["maintenance"] is None, "maintenance is on: %s" % now["maintenance"])
    live = read("live")
    check(live == (now["id"] or ""), "%s is live, the records say %s" % (live, now["id"]))
    check(bool(read("enabled")) == bool(live), "enabled: '%s', live: '%s'" % (read("enabled"), live))
    check(live in (deploy, before), "%s is live, neither %s nor %s" % (live, before, deploy))
    return now


def settle(choice, deploy, before, interrupted):
    """recover or resume, as `choice` says; resume once more with the answers that it asks for."""
    if interrupted:
        refused = run("deploy", "--yes", "--redeploy")
        check(refused.returncode == 3, "deploy ends with %d, not 3" % refused.returncode)
    if choice == "recover" or not deploy:
        done = run("recover")
        check(done.returncode == 0, "recover ends with %d" % done.returncode)
        return
    flags = []
    for step in under_way(deploy):
        flags += ["--step-again", step]
    done = run("resume", deploy, *flags)
    check(done.returncode == 0, "resume ends with %d" % done.returncode)
    now, _ = status()
    check(now["id"] == deploy, "%s was resumed, %s is live" % (deploy, now["id"]))


def moment(action, call, number, choice):
    """One deploy that meets its fate; False when it ended before that moment came."""
    before = read("live")
    seen = newest_deploy()
    if os.path.exists(mark):
        os.unlink(mark)
    done = run("deploy", "--yes", "--silent", "--redeploy", shim="%s:%s:%d" % (action, call, number))
    deploy = newest_deploy()
    if deploy == seen or not os.path.exists(os.path.join(deploys, deploy, "start.json")):
        deploy = None   # it ended before there was anything to resume
    came = os.path.exists(mark)
    now, warnings = status()
    interrupted = "interrupted" in warnings
    check(came or done.returncode == 0, "a plain deploy ends with %d" % done.returncode)
    if action == "kill":
        check(done.returncode == -9 or not came or call == "time", "killed, it ends with %d" % done.returncode)
    else:
        check(not interrupted or "could not be stored" in done.stderr,
              "it ended by itself, and left its lease")
    if interrupted or (done.returncode not in (0, 2, 3) and choice == "resume" and deploy and
                       now["id"] != deploy):
        settle(choice, deploy, before, interrupted)
    elif action == "kill" and came and deploy is None:
        settle("recover", None, before, False)
    if action == "fail" and status()[0]["maintenance"]:
        # What would start it failed: it was shouted about, and the next one does.
        check(done.returncode == 4, "something is halted, and it ends with %d" % done.returncode)
        check("DOES NOT RUN" in done.stderr, "what is halted was not shouted about")
        check(run("maintenance", "off", "--yes").returncode == 0, "maintenance off fails")
    check_halts()
    if deploy:
        check_once(deploy)
    check_truth(deploy, before)
    return came


def moments(action, call, every):
    if call == "time":
        started = time.monotonic()
        run("deploy", "--yes", "--silent", "--redeploy")
        took[0] = time.monotonic() - started
    limit = (10 * every if everything else every) if call == "time" else None
    every = 1 if everything or call == "time" else every
    number = 1 + random.Random("%d %s %s" % (seed, action, call)).randrange(every)
    turn = 0
    while True:
        choice = ("recover", "resume")[turn % 2]
        said.clear()
        try:
            came = moment(action, call, number, choice)
        except (Wrong, subprocess.TimeoutExpired) as error:
            print("%s at %s %d, then %s (CRASH_SEED=%d): %s" % (action, call, number, choice, seed,
                                                               error))
            print("\n".join(said))
            deploy = newest_deploy()
            if deploy:
                print("\n".join(json.dumps(event) for event in journal(deploy)))
            sys.exit(1)
        if turn + 1 == limit or (not came and limit is None):
            return turn + came
        number += every
        turn += 1


def main():
    for argument in sys.argv[2:]:
        words = argument.split(":")
        count = moments(words[0], words[1], int(words[2]) if len(words) > 2 else 1)
        print("# %s: %d moments" % (argument, count))
        if count == 0:
            print("not one moment came")
            sys.exit(1)


if __name__ == "__main__":
    main()
