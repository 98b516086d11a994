"""child.py OUT COMMAND...: runs it, and writes its wall seconds, CPU seconds and peak KiB to OUT.

A process of its own, and a small one: what a child inherits at its birth counts for its peak.
"""
import os
import sys
import time

start = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write("%f %f %d" % (wall, usage.ru_utime + usage.ru_stime, peak))
sys.exit(os.waitstatus_to_exitcode(status))
