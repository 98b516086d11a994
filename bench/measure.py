"""What the benches share: where things are, how programs are run, and what a figure is held against."""
import os
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHIPIT = os.path.abspath(os.environ.get("SHIPIT", os.path.join(ROOT, "build/shipit")))
OUT = os.path.abspath(os.environ.get("OUT", os.path.join(ROOT, "build/release")))
WORK = os.path.abspath(os.environ.get("BENCH", os.path.join(ROOT, "build/bench")))
missed = []


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "SHIPIT", "MAKE"))}
    kept.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", SHIPIT_DATADIR=ROOT,
                SHIPIT_WORKTREES=os.path.join(WORK, "worktrees"), SHIPIT_AUDIO_DRIVER="null",
                GIT_AUTHOR_NAME="Ann", GIT_AUTHOR_EMAIL="ann@example.com",
                GIT_COMMITTER_NAME="Ann", GIT_COMMITTER_EMAIL="ann@example.com")
    kept.pop("CI", None)
    return kept


ENV = environment()


def run(command, cwd=None, codes=(0,), **options):
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    # Each in a session of its own, as in CI: at a terminal shipit gives every step its own session,
    # which costs more on Linux with autogroups (see src/proc/spawn.c).
    done = subprocess.run(command, cwd=cwd, env=ENV, start_new_session=True,
                          stdout=options.pop("stdout", subprocess.PIPE),
                          stderr=options.pop("stderr", subprocess.PIPE), **options)
    if done.returncode not in codes:
        sys.exit("bench: %s ended with %d\n%s" % (command, done.returncode,
                                                (done.stderr or b"")[-2000:].decode()))
    return done.stdout


def seconds(command, cwd=None, stdout=subprocess.DEVNULL):
    start = time.perf_counter()
    run(command, cwd, stdout=stdout)
    return time.perf_counter() - start


def alternate(times, **actions):
    """Medians of actions (functions that return seconds), run in turn so that noise meets all."""
    taken = {name: [] for name in actions}
    for _ in range(times):
        for name, action in actions.items():
            taken[name].append(action())
    return {name: statistics.median(values) for name, values in taken.items()}


def verdict(what, value, limit, unit="ms", peer=""):
    ok = value <= limit
    if not ok:
        missed.append(what)
    print("%-44s %10.1f %-3s  limit %8.1f  %-30s %s" %
          (what, value, unit, limit, peer, "ok" if ok else "MISSED"), flush=True)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def deploy_yml(name):
    return ("app: bench\npipeline: bench\nstate: file:%s/%s.state\nenvironments:\n"
            "  production: {branch: '*', protected: false}\n" % (WORK, name))


def main(benches):
    """Runs those that are asked for: benches are functions by their names, bench_*."""
    os.makedirs(WORK, exist_ok=True)
    benches = {name[6:].replace("_", "-"): bench for name, bench in benches.items()
               if name.startswith("bench_")}
    for name in sys.argv[1:] or benches:
        benches[name]()
    if "BENCH" not in os.environ:
        shutil.rmtree(WORK, ignore_errors=True)
    if missed:
        print("bench: missed: " + ", ".join(missed))
    return 1 if missed else 0
