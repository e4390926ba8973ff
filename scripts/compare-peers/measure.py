"""Runs one command beside the server and appends what it cost to a file, as a line of JSON.

What was sent is the server's word (nginx stub_status), not the tool's: requests, connections, and answers that were not a
success. CPU is what the kernel charged the process and the children that it waited for, from its start to its end;
`steady` is the same from 30 % to 95 % of the run time, without start-up and without what a tool does at its end.

Ends what it started, and nothing else, also on SIGINT and SIGTERM.
"""

import argparse
import http.client
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
# Some make all their users before the first sends anything.
FIRST_LIMIT_S = 300
# A run that is still there this long after its time is ended.
PATIENCE_S = 40
# Every thinking user must have sent its first request by now, or else some would be sending their second.
START_LIMIT_S = 55
# After the last first request: what is allocated late still counts.
HOLD_S = 4

# Where each tool says how many requests it made.
OWN_COUNT = {
    "wrk": r"(\d+) requests in",
    "oha": r"\[200\] (\d+) responses",
    "ab": r"Complete requests:\s+(\d+)",
    "hey": r"\[200\]\s+(\d+) responses",
    "k6": r"http_reqs\W+(\d+)",
    "locust": r"Aggregated\s+(\d+)\s+\d+\(",
    "locust-fast": r"Aggregated\s+(\d+)\s+\d+\(",
    "goose": r"\|\s+([\d,]+)\s+\|\s+[\d,]+ \(\d+%\)",
}


class Server:
    """nginx, asked over one connection of its own; its own questions are not in the figures."""

    def __init__(self, port, master, errors):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with open(f"/proc/{master}/task/{master}/children") as children:
            self.workers = [int(pid) for pid in children.read().split()]
        self.errors = errors
        self.asked = 0

    def count(self):
        """Requests and connections since the server's start, and connections open now."""
        self.connection.request("GET", "/status")
        text = self.connection.getresponse().read().decode()
        self.asked += 1
        active = int(re.search(r"Active connections: (\d+)", text)[1])
        accepted, _, requests = (int(n) for n in re.search(r"\n (\d+) (\d+) (\d+)", text).groups())
        return requests - self.asked, accepted, active - 1

    def cpu(self):
        return sum(cpu_of(pid) for pid in self.workers)

    def rejected(self):
        with open(self.errors, "rb") as log:
            return sum(1 for _ in log)


def cpu_of(pid):
    """Seconds of CPU that a process has used, all threads."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def high_water(pid):
    """Bytes of memory at the most so far; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
        return int(found[1]) * 1024 if found else 0
    except FileNotFoundError:
        return 0


class Run:
    """The command while it runs."""

    def __init__(self, command, cpu, log):
        # A child's peak is charged with what we held when we forked: below that only its own high-water mark tells.
        self.floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.peak = 0
        self.usage = None
        self.exit = None
        ours = os.sched_getaffinity(0)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        self.began = time.monotonic()
        try:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        finally:
            os.sched_setaffinity(0, ours)

    def alive(self):
        """Looks after the command; false once it has ended."""
        if self.usage is not None:
            return False
        self.peak = max(self.peak, high_water(self.child.pid))
        pid, status, usage = os.wait4(self.child.pid, os.WNOHANG)
        if pid == 0:
            return True
        self.wall = time.monotonic() - self.began
        self.exit = self.child.returncode = os.waitstatus_to_exitcode(status)
        self.usage = usage
        if usage.ru_maxrss * 1024 > self.floor:
            self.peak = usage.ru_maxrss * 1024
        return False

    def wait_until(self, end, interval=0.1):
        while time.monotonic() < end and self.alive():
            time.sleep(max(0, min(interval, end - time.monotonic())))

    def end(self, patience_s):
        for number, grace in ((signal.SIGINT, patience_s), (signal.SIGTERM, 2), (signal.SIGKILL, 5)):
            if not self.alive():
                return
            self.child.send_signal(number)
            self.wait_until(time.monotonic() + grace)


def steady(run, server, started, seconds):
    """CPU and requests from 30 % of the run time to 95 %, or to shortly before the end of a tool that counts its time
    otherwise; None where less than 30 % lies between."""
    looks = []
    for at in [0.3 + 0.05 * step for step in range(14)]:
        run.wait_until(started + at * seconds)
        if not run.alive():
            break
        looks.append((time.monotonic(), cpu_of(run.child.pid), server.count()[0], server.cpu()))
    if len(looks) < 2 or looks[-1][0] - looks[0][0] < 0.3 * seconds:
        return None
    names = ("seconds", "cpu_s", "requests", "server_cpu_s")
    return {name: b - a for name, a, b in zip(names, looks[0], looks[-1])}


def all_started(run, server, users, uncounted, requests_before, first):
    """Waits until each user has sent a request: seconds since the first, and how many had in the end."""
    sent = 0
    while run.alive() and time.monotonic() - first < START_LIMIT_S:
        sent = server.count()[0] - requests_before - uncounted
        if sent >= users:
            break
        time.sleep(0.02)
    took = time.monotonic() - first
    run.wait_until(time.monotonic() + HOLD_S)
    return {"all_s": took if sent >= users else None, "started": min(sent, users), "open": server.count()[2]}


def own_count(tool, text):
    """How many requests the tool says it made, where it does.

    >>> own_count("wrk", "  613254 requests in 10.00s, 300.00MB read")
    613254
    >>> own_count("goose", " GET / |  9 |  0 (0%) | 3 \\n Aggregated |  12,345 |  0 (0%) | 4255\\n Aggregated | 0.94 | 0.03")
    12345
    >>> own_count("locust", "Aggregated  490  0(0.00%) | 120\\nResponse times\\nAggregated  110  120")
    490
    >>> own_count("wrk", "usage")
    """
    found = re.findall(OWN_COUNT.get(tool, "(?!)"), text)
    return int(found[-1].replace(",", "")) if found else None


def complaint(text):
    """The line of an output that tells best what went wrong.

    >>> complaint("starting\\nException: no tasks\\n----\\n")
    'Exception: no tasks'
    >>> complaint("usage: wrk URL\\n")
    'usage: wrk URL'
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if re.search(r"error|exception|panicked|refused", line, re.IGNORECASE)]
    return (wrong or lines or ["it said nothing"])[-1][:160].replace("|", "/")


def result_of(folder):
    """What agenthub-perf's own result says of the run."""
    results = sorted(name for name in os.listdir(folder) if os.path.exists(f"{folder}/{name}/result.json"))
    if not results:
        return None
    with open(f"{folder}/{results[-1]}/result.json") as file:
        result = json.load(file)
    keep = ("schedule_lag_ms", "offered", "achieved", "cpu_percent", "void")
    generator = {key: result["generators"][0].get(key) for key in keep}
    return {"verdict": result["verdict"], "requests": result["totals"]["requests"], "generator": generator}


def measure(asked):
    server = Server(asked.port, asked.server, asked.errors)
    requests, connections, _ = server.count()
    rejected, server_cpu = server.rejected(), server.cpu()
    record = {"part": asked.part, "tool": asked.tool, "round": asked.round, "core": asked.cpu}
    with open(asked.log, "wb") as log:
        try:
            run = Run(asked.command, asked.cpu, log)
        except OSError as error:
            return record | {"failed": f"cannot start {asked.command[0]}: {error.strerror}"}
        try:
            while run.alive() and server.count()[0] - requests <= asked.uncounted:
                if time.monotonic() - run.began > FIRST_LIMIT_S:
                    return record | {"failed": f"sent nothing in {FIRST_LIMIT_S} s"}
                time.sleep(0.02)
            first = time.monotonic()
            if asked.users:
                begun = all_started(run, server, asked.users, asked.uncounted, requests, first)
                record |= begun | {"users": asked.users}
            else:
                record["steady"] = steady(run, server, first, asked.seconds)
                run.wait_until(first + asked.seconds + PATIENCE_S)
            overdue = not asked.users and run.alive()
            run.end(20)
        finally:
            run.end(2)
    after, accepted, _ = server.count()
    record |= {
        "exit": run.exit,
        "wall_s": run.wall,
        "first_s": first - run.began,
        "cpu_s": run.usage.ru_utime + run.usage.ru_stime,
        "peak_bytes": run.peak,
        "requests": after - requests - asked.uncounted,
        "connections": accepted - connections,
        "rejected": server.rejected() - rejected,
        "server_cpu_s": server.cpu() - server_cpu,
    }
    with open(asked.log, errors="replace") as log:
        text = log.read()
    record["own_requests"] = own_count(asked.tool, text)
    if asked.results:
        record["result"] = result_of(asked.results)
        record["own_requests"] = record["result"] and record["result"]["requests"]
    if record["requests"] <= 0:
        record["failed"] = f"sent nothing, exit {run.exit}: {complaint(text)}"
    elif overdue:
        record["failed"] = f"had to be ended {PATIENCE_S} s after its time"
    elif not asked.users and record["steady"] is None:
        record["failed"] = "over before its time" + (f", exit {run.exit}: {complaint(text)}" if run.exit else "")
    return record


class Interrupts:
    """The first SIGINT or SIGTERM interrupts, later ones do not: Ctrl-C comes from the terminal and from the script, and the
    second must not keep us from ending the command."""

    def __init__(self):
        self.seen = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self)

    def __call__(self, *_):
        if not self.seen:
            self.seen = True
            raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="file to append to")
    parser.add_argument("--part", required=True)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--round", type=int, required=True)
    parser.add_argument("--port", type=int, required=True, help="of nginx, which answers /status")
    parser.add_argument("--server", type=int, required=True, help="process of nginx's master")
    parser.add_argument("--errors", required=True, help="nginx's log of what was not a success")
    parser.add_argument("--cpu", type=int, help="core of the command")
    parser.add_argument("--seconds", type=float, required=True, help="run time that the command was given")
    parser.add_argument("--users", type=int, default=0, help="end it once as many have sent their first request")
    parser.add_argument("--uncounted", type=int, default=0, help="requests of the tool that are not load")
    parser.add_argument("--log", required=True, help="file for what the command prints")
    parser.add_argument("--results", help="where agenthub-perf writes its result")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    Interrupts()
    try:
        record = measure(asked)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # One row that says so, and the rest goes on.
        record = {"part": asked.part, "tool": asked.tool, "round": asked.round, "failed": f"not measured: {error!r}"}
    with open(asked.out, "a") as out:
        out.write(json.dumps(record) + "\n")
    if "failed" in record:
        print(f"{record['failed']}", file=sys.stderr)
    elif asked.users:
        print(f"{record['started']:,} users, peak {record['peak_bytes'] / 1e6:,.0f} MB", file=sys.stderr)
    else:
        cost = record["cpu_s"] / record["requests"] * 1e6
        print(f"{record['requests']:,} requests, {cost:.1f} µs of CPU each", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
