"""Arithmetic on measured runs: medians over the rounds, ratios within a round, and the requirements.

A run is a line that measure.py wrote. Every ratio is formed inside one round, where both sides ran within minutes of each
other, and then the median is taken: what the machine does slowly hits both sides.
"""

from statistics import median

US = "agenthub-perf"
# More answers than this that were no success, and the run shows what errors cost, not what requests do.
REJECTED_AT_MOST = 0.001
# As fast as they go, the client or the server fills its core, or else something else ran there.
FULL_CORE = 0.8
# Bytes: 24 KB.
THINKING_AT_MOST = 24_000


def problem(run):
    """Why a run's figures do not count, or None.

    >>> problem({"failed": "cannot start oha"})
    'cannot start oha'
    >>> problem({"requests": 1000, "rejected": 2})
    '2 of 1,000 answers were no success'
    >>> problem({"requests": 1000, "rejected": 1})
    """
    if "failed" in run:
        return run["failed"]
    if run["rejected"] > REJECTED_AT_MOST * run["requests"]:
        return f"{run['rejected']:,} of {run['requests']:,} answers were no success"
    return None


def rounds(runs, part, tool):
    """The runs of a tool that count, by round."""
    return {r["round"]: r for r in runs if r["part"] == part and r["tool"] == tool and problem(r) is None}


def cost(run):
    """CPU of the whole process, µs a request.

    >>> cost({"cpu_s": 9.0, "requests": 1_000_000})
    9.0
    """
    return run["cpu_s"] / run["requests"] * 1e6


def steady_cost(run):
    """The same without start-up and end; None where the run was too short to tell.

    >>> steady_cost({"steady": {"cpu_s": 4.0, "requests": 500_000}})
    8.0
    >>> steady_cost({"steady": None})
    """
    window = run.get("steady")
    return window["cpu_s"] / window["requests"] * 1e6 if window and window["requests"] else None


def rate(run):
    """Requests/s as the server counted them, while the load held."""
    window = run.get("steady")
    return window["requests"] / window["seconds"] if window else None


def share(run, which):
    """Share of a core, in the steady window: of the client (`cpu_s`) or of the server (`server_cpu_s`)."""
    window = run.get("steady")
    return window[which] / window["seconds"] if window else None


def disturbed(run):
    """Whether a run that goes as fast as it can filled neither the client's core nor the server's, where each had its own.

    >>> disturbed({"core": 0, "steady": {"seconds": 10.0, "cpu_s": 9.7, "server_cpu_s": 6.0}})
    False
    >>> disturbed({"core": 0, "steady": {"seconds": 10.0, "cpu_s": 4.5, "server_cpu_s": 4.8}})
    True
    >>> disturbed({"core": None, "steady": {"seconds": 10.0, "cpu_s": 4.5, "server_cpu_s": 4.8}})
    False
    """
    if run.get("core") is None or not run.get("steady"):
        return False
    return max(share(run, "cpu_s"), share(run, "server_cpu_s")) < FULL_CORE


def middle(values):
    """The median of what is known, or None.

    >>> middle([3, None, 1, 2])
    2
    >>> middle([None])
    """
    known = [value for value in values if value is not None]
    return median(known) if known else None


def ratios(runs, ours, theirs, of=cost):
    """The ratio of two costs in each round that has both; `ours` and `theirs` are (part, tool).

    >>> a = {"part": "guide", "tool": "a", "rejected": 0, "requests": 1000}
    >>> b = a | {"tool": "b"}
    >>> runs = [a | {"round": 1, "cpu_s": 2.0}, b | {"round": 1, "cpu_s": 1.0},
    ...         a | {"round": 2, "cpu_s": 9.0}, b | {"round": 2, "cpu_s": 3.0}, b | {"round": 3, "cpu_s": 1.0}]
    >>> ratios(runs, ("guide", "a"), ("guide", "b"))
    [2.0, 3.0]
    >>> ratios(runs, ("guide", "a"), ("plain", "b"))
    []
    """
    left, right = rounds(runs, *ours), rounds(runs, *theirs)
    pairs = [(of(left[n]), of(right[n])) for n in sorted(left.keys() & right.keys())]
    return [a / b for a, b in pairs if a is not None and b]


def bytes_per_user(runs, tool):
    """User-space memory of a thinking user in each round: peak less that of the run with few users, over the further users.

    >>> few = {"part": "few", "tool": "a", "round": 1, "rejected": 0, "requests": 100, "users": 100, "started": 100}
    >>> many = few | {"part": "thinking", "requests": 10_000, "users": 10_000, "started": 10_000}
    >>> bytes_per_user([few | {"peak_bytes": 12_000_000}, many | {"peak_bytes": 210_000_000}], "a")
    [20000.0]
    """
    few, many = rounds(runs, "few", tool), rounds(runs, "thinking", tool)
    pairs = [(few[n], many[n]) for n in sorted(few.keys() & many.keys()) if many[n]["started"] > few[n]["started"]]
    return [(b["peak_bytes"] - a["peak_bytes"]) / (b["started"] - a["started"]) for a, b in pairs]


def requirements(runs, users_asked=10_000):
    """Each requirement with what was measured: `met` is True, False, or None where it was not measured.

    A ratio of CPU must hold for the whole process, and in the steady window too where there is one: then neither a start-up
    nor a long run decides.

    >>> run = {"round": 1, "rejected": 0, "requests": 1_000_000, "steady": None}
    >>> def of(part, tool, cpu_s): return run | {"part": part, "tool": tool, "cpu_s": cpu_s}
    >>> runs = [of("plain", "wrk", 8.0), of("plain", "oha", 11.0), of("guide", "agenthub-perf", 10.0),
    ...         of("guide", "goose", 15.0), of("guide", "locust-fast", 150.0)]
    >>> [(r["measured"], r["met"]) for r in requirements(runs)[:3]]
    [(1.25, True), (0.9090909090909091, True), (0.6666666666666666, False)]
    >>> [r["met"] for r in requirements(runs)[3:]]
    [True, None]
    >>> requirements([r for r in runs if r["tool"] != "oha"])[1]["met"]

    Short of it in the steady window is short of it:

    >>> wrk = of("plain", "wrk", 8.0) | {"steady": {"cpu_s": 3.0, "requests": 500_000}}
    >>> slow = of("guide", "agenthub-perf", 10.0) | {"steady": {"cpu_s": 5.0, "requests": 500_000}}
    >>> first = requirements([wrk, slow])[0]
    >>> first["measured"], round(first["steady"], 2), first["met"]
    (1.25, 1.67, False)
    """
    asked = [
        ("wrk's plain GET", ("plain", "wrk"), 1.35, "≤ 1.35"),
        ("oha's plain GET", ("plain", "oha"), 1.0, "< 1"),
        ("stock Goose's", ("guide", "goose"), 0.65, "≤ 0.65"),
        ("Locust FastHttpUser's", ("guide", "locust-fast"), 1 / 12, "≤ 1/12 = 0.083"),
    ]
    listed = []
    for whose, theirs, limit, said in asked:
        whole = middle(ratios(runs, ("guide", US), theirs))
        steady = middle(ratios(runs, ("guide", US), theirs, steady_cost))
        holds = [value < limit if said.startswith("<") else value <= limit for value in (whole, steady) if value is not None]
        listed.append({
            "requirement": f"the guide's scenario, everything on: CPU a request over {whose}",
            "limit": said, "measured": whole, "steady": steady, "unit": "ratio",
            "met": None if whole is None else all(holds),
        })
    started = middle(run["started"] for run in rounds(runs, "thinking", US).values())
    each = middle(bytes_per_user(runs, US))
    listed.append({
        "requirement": f"memory of each of {users_asked if started is None else int(started):,} users who think for a minute",
        "limit": "≤ 24 KB", "measured": each, "steady": None, "unit": "bytes",
        "met": None if each is None else each <= THINKING_AT_MOST,
    })
    return listed


def exit_code(listed):
    """Of --check: 99 where a requirement is not met, 98 where one was not measured.

    >>> exit_code([{"met": True}, {"met": None}, {"met": False}]), exit_code([{"met": True}, {"met": None}])
    (99, 98)
    >>> exit_code([{"met": True}])
    0
    """
    met = [requirement["met"] for requirement in listed]
    return 99 if False in met else 98 if None in met else 0
