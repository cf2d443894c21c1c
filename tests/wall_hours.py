"""Real hours of `quell wall` under faults: memory, descriptors, threads and bytes, minute by minute.

    python3 tests/wall_hours.py [--minutes N] [--percent P] [--out FILE] QUELL

Starts `QUELL drill` on a pseudo-terminal of its own, lets P percent (5) of the requests to case system and SIEM fail in
six ways, and shows `QUELL wall` on a second one, 120x40, for N minutes (60). Each minute one JSON object is printed (and
appended to FILE): memory in KiB, descriptors, threads, bytes written to the terminal, voluntary context switches and
CPU time of that minute. What matters is compared at the end, from the tenth minute (or the first fifth) on: memory must
not rise by more than 16 KiB an hour plus what the page size rounds (256 KiB), descriptors and threads stay within what
one open connection and one waiting thread explain, bytes stay below 4 KiB a minute. Exit code: 0 it held, 1 it did not,
3 it could not run. Descriptors of a hardened process are seen by root only; for others they are null. Linux only.
"""

import argparse
import fcntl
import json
import os
import pty
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
import urllib.request

KINDS = ["500", "429", "half_body", "reset_before_effect", "bad_json", "hang"]


class Shown:
    """A program on a pseudo-terminal whose output is counted and dropped."""

    def __init__(self, argv, rows=40, cols=120):
        self.bytes = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            env = dict(os.environ, TERM="xterm-256color")
            env.pop("NO_COLOR", None)
            os.execvpe(argv[0], argv, env)
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.bytes += len(data)

    def alive(self):
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def end(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def of_threads(pid):
    """Voluntary context switches and CPU seconds of all threads that are there."""
    switches, nanos = 0, 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/status") as status:
                for line in status:
                    if line.startswith("voluntary_ctxt_switches:"):
                        switches += int(line.split()[1])
            with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                nanos += int(stat.read().split()[0])
        except FileNotFoundError:
            continue
    return switches, nanos / 1e9


def look(shown):
    pid = shown.pid
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    try:
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        descriptors = None
    switches, seconds = of_threads(pid)
    return {
        "rss_kib": int(fields["VmRSS"].split()[0]),
        "descriptors": descriptors,
        "threads": int(fields["Threads"]),
        "bytes": shown.bytes,
        "wakeups": switches,
        "cpu_s": round(seconds, 3),
    }


def slope(points):
    """Least squares: change of the second for one of the first."""
    middle = statistics.fmean(x for x, _ in points), statistics.fmean(y for _, y in points)
    spread = sum((x - middle[0]) ** 2 for x, _ in points)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / spread if spread else 0.0


def judged(rows, minutes):
    """Gives what was found as a row, and what did not hold."""
    warm = rows[min(10, max(1, minutes // 5)) - 1:]
    hours = [(row["minute"] / 60, row["rss_kib"]) for row in warm]
    spread = {key: [row[key] for row in warm] for key in ("rss_kib", "threads", "bytes", "wakeups", "cpu_s")}
    seen = [row["descriptors"] for row in warm if row["descriptors"] is not None]
    rise = max(spread["rss_kib"]) - spread["rss_kib"][0]
    found = {
        "minutes": minutes,
        "rss_kib": [spread["rss_kib"][0], spread["rss_kib"][-1]],
        "rss_kib_per_hour": round(slope(hours), 1),
        "descriptors": [min(seen), max(seen)] if seen else None,
        "threads": [min(spread["threads"]), max(spread["threads"])],
        "bytes_a_minute": {"median": statistics.median(spread["bytes"]), "most": max(spread["bytes"])},
        "wakeups_a_second": round(statistics.median(spread["wakeups"]) / 60, 2),
        "cpu_percent": round(100 * statistics.median(spread["cpu_s"]) / 60, 3),
    }
    wrong = []
    if rise > 256 + 16 * minutes / 60:
        wrong.append(f"memory rose by {rise} KiB")
    if seen and max(seen) > min(seen) + 4:
        wrong.append("descriptors grow")
    if max(spread["threads"]) > min(spread["threads"]) + 2:
        wrong.append("threads grow")
    if statistics.median(spread["bytes"]) > 4096:
        wrong.append("it writes too much")
    return found, wrong


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("quell")
    words.add_argument("--minutes", type=int, default=60)
    words.add_argument("--percent", type=float, default=5.0)
    words.add_argument("--out")
    asked = words.parse_args()
    out = open(asked.out, "a") if asked.out else None

    def tell(row):
        text = json.dumps(row)
        print(text, flush=True)
        if out:
            print(text, file=out, flush=True)

    with tempfile.TemporaryDirectory() as place:
        drill = Shown([asked.quell, "drill", "--state", place])
        wall = None
        try:
            where = os.path.join(place, "drill", "last", "drill.json")
            until = time.monotonic() + 60
            while not os.path.exists(where):
                if time.monotonic() > until or not drill.alive():
                    print("the drill did not start", file=sys.stderr)
                    return 3
                time.sleep(0.1)
            with open(where) as file:
                places = json.load(file)
            for server in ("cases", "siem"):
                for kind in KINDS:
                    order = {"server": server, "fault": kind, "rate": asked.percent / 100 / len(KINDS)}
                    request = urllib.request.Request(places["faults_url"], json.dumps(order).encode(), method="POST")
                    urllib.request.urlopen(request, timeout=10).read()
            wall = Shown([asked.quell, "wall", "--drill", "--state", place])
            began, before, rows = time.monotonic(), None, []
            for minute in range(asked.minutes + 1):
                # The first look is two seconds late, so that the first frame is in no minute.
                time.sleep(max(0, began + 2 + 60 * minute - time.monotonic()))
                if not wall.alive():
                    print("the wall ended by itself", file=sys.stderr)
                    return 1
                now = look(wall)
                if before:
                    row = dict(now, minute=minute)
                    for key in ("bytes", "wakeups", "cpu_s"):
                        row[key] = round(now[key] - before[key], 3)
                    rows.append(row)
                    tell(row)
                before = now
            found, wrong = judged(rows, asked.minutes)
            with urllib.request.urlopen(places["ledger_url"], timeout=10) as answer:
                requests = json.load(answer)["requests"]["mutating"]
            # Console and wall together, without GET.
            found["requests"] = len(requests)
            found["faults_met"] = sum(1 for request in requests if request["fault"])
            if not found["faults_met"] and asked.percent:
                wrong.append("no fault was met")
            tell(dict(found, wrong=wrong))
            return 1 if wrong else 0
        finally:
            if wall:
                wall.end()
            drill.end()


if __name__ == "__main__":
    sys.exit(main())
