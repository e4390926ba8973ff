"""Makes the tables of a comparison from what was measured, and replaces the one in the README.

  table.py tables RUNS ABOUT OUTPUT     writes OUTPUT.md and OUTPUT.json, prints the tables and the requirements
  table.py readme OUTPUT.json README    puts the tables between the two markers
"""

import argparse
import json
import os
import platform
import re
import sys

import figures
from figures import US, middle

BEGIN, END = "<!-- compare-peers: begin -->", "<!-- compare-peers: end -->"
NAMES = {
    "wrk": "wrk", "oha": "oha", "ab": "ab", "hey": "hey", "k6": "k6", "goose": "stock Goose",
    "locust": "Locust HttpUser", "locust-fast": "Locust FastHttpUser", US: "**agenthub-perf**",
}
PARTS = {"plain": "GET", "guide": "guide's user"}


def number(value, digits=1):
    """A figure for a table.

    >>> number(71234.4, 0), number(8.66), number(None)
    ('71,234', '8.7', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def spread(values):
    """The median, and what lay around it.

    >>> spread([1.2, 1.31, 1.25]), spread([1.2]), spread([])
    ('1.25 (1.20–1.31)', '1.20', '–')
    """
    if len(values) < 2:
        return number(middle(values), 2)
    return f"{middle(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def percent(value):
    """
    >>> percent(0.994), percent(None)
    ('99 %', '–')
    """
    return "–" if value is None else f"{value * 100:.0f} %"


def grid(head, rows):
    """A Markdown table; the first column to the left, figures to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def notes(runs, every_run):
    """What a reader must know to trust the row.

    >>> notes([], [{"failed": "not installed"}])
    'not installed'
    >>> run = {"part": "plain", "requests": 10_000, "rejected": 0, "own_requests": 9_000, "connections": 64}
    >>> notes([run], [run])
    'its own count is off by -10.0 %'
    """
    said = {figures.problem(run) for run in every_run} - {None}
    for run in runs:
        # Goose starts to count anew once all its users are there.
        own = None if run.get("users") else run.get("own_requests")
        # What is in flight at the end, one for each connection, the server counts and some tools do not.
        if own is not None and abs(own - run["requests"]) > max(200, 0.002 * run["requests"]):
            said.add(f"its own count is off by {(own / run['requests'] - 1) * 100:+.1f} %")
        if run["connections"] > 1000 and not run.get("users"):
            said.add(f"{run['connections']:,} connections")
        if run["part"] in PARTS and figures.disturbed(run):
            said.add("neither filled its core: something else ran")
        verdict = (run.get("result") or {}).get("verdict")
        # That of a run which was ended early says nothing.
        if verdict in ("fail", "void") and not run.get("users"):
            said.add(f"its verdict: {verdict}")
    return "; ".join(sorted(said))


def of(runs, part, tool):
    every = [run for run in runs if run["part"] == part and run["tool"] == tool]
    return list(figures.rounds(runs, part, tool).values()), every


def cost_table(runs, tools):
    rows = []
    for part in PARTS:
        for tool in tools:
            good, every = of(runs, part, tool)
            if not every:
                continue
            med = lambda figure: middle(figure(run) for run in good)
            rows.append([
                f"{NAMES[tool]}, {PARTS[part]}", number(med(figures.rate), 0), number(med(figures.cost)),
                spread(figures.ratios(runs, (part, tool), ("plain", "wrk"))),
                spread(figures.ratios(runs, (part, tool), ("plain", "wrk"), figures.steady_cost)),
                number(middle(run["peak_bytes"] / 1e6 for run in good)),
                percent(med(lambda run: figures.share(run, "cpu_s"))),
                percent(med(lambda run: figures.share(run, "server_cpu_s"))), notes(good, every),
            ])
    head = ["", "requests/s", "CPU µs/request", "over wrk's GET", "steady", "peak MB", "its core", "server's core", ""]
    return grid(head, rows) if rows else None


def thinking_table(runs, tools, asked_s):
    rows = []
    for tool in tools:
        good, every = of(runs, "thinking", tool)
        if not every:
            continue
        each = middle(figures.bytes_per_user(runs, tool))
        took = [run["all_s"] for run in good]
        short = any(value is None for value in took)
        rows.append([
            NAMES[tool], number(middle(run["started"] for run in good), 0), number(middle(run["open"] for run in good), 0),
            number(each and each / 1e3), number(middle(run["peak_bytes"] / 1e6 for run in good), 0),
            number(middle(run["first_s"] for run in good)),
            "not all in time" if short else number(middle(took), 2), notes(good, every + of(runs, "few", tool)[1]),
        ])
    head = ["", "users", "connections", "KB/user", "peak MB", "s to the first request",
            f"s to everyone's (asked: {asked_s:g})", ""]
    return grid(head, rows) if rows else None


def open_table(runs, tools, rates):
    rows = []
    for rate in rates:
        part = f"open-{rate}"
        for tool in tools:
            good, every = of(runs, part, tool)
            if not every:
                continue
            lag = lambda which: middle(
                run["result"]["generator"]["schedule_lag_ms"][which] for run in good if run.get("result")
            )
            achieved = middle(
                run["result"]["generator"]["achieved"] / run["result"]["generator"]["offered"]
                for run in good if run.get("result") and run["result"]["generator"].get("offered")
            )
            rows.append([
                f"{NAMES[tool]}, {rate:,}/s", number(middle(figures.rate(run) for run in good), 0),
                number(middle(figures.cost(run) for run in good)),
                number(middle(figures.steady_cost(run) for run in good)),
                percent(middle(figures.share(run, "cpu_s") for run in good)),
                number(achieved, 4), number(lag("p50"), 3), number(lag("p99"), 3), notes(good, every),
            ])
    head = ["", "requests/s", "CPU µs/request", "steady", "its core", "achieved/offered", "lag p50 ms", "lag p99 ms", ""]
    return grid(head, rows) if rows else None


def requirement_lines(listed):
    def shown(value, unit):
        return number(None) if value is None else f"{value / 1e3:.1f} KB" if unit == "bytes" else f"{value:.3f}"

    said = {True: "met", False: "**not met**", None: "not measured"}
    rows = [
        [r["requirement"], r["limit"], shown(r["measured"], r["unit"]), shown(r["steady"], r["unit"]), said[r["met"]]]
        for r in listed
    ]
    return grid(["requirement", "limit", "measured", "steady", ""], rows)


def tables(runs, about):
    """The tables that have rows, each with what it shows."""
    tools, seconds = about["tools"], about["seconds"]
    asked_s = about["thinking_users"] / about["spawn_rate"]
    made = [
        (f"One core, {about['connections']} connections, {seconds:g} s, as fast as they go", cost_table(runs, tools)),
        (f"{about['thinking_users']:,} users who think for a minute, started at {about['spawn_rate']:,}/s",
         thinking_table(runs, tools, asked_s)),
        ("Open model: a constant rate, one core", open_table(runs, tools, about["rates"])),
    ]
    return [(title, table) for title, table in made if table]


def document(runs, about, listed):
    """The whole page."""
    named = {"goose": "Goose", "locust": "Locust", "locust-fast": "Locust"}
    versions = ", ".join(dict.fromkeys(f"{named.get(tool, tool)} {of}" for tool, of in about["versions"].items()))
    parts = [f"# Beside other tools\n\n{about['started']} · {about['machine']} · {about['pinned']} · median of "
             f"{about['rounds']} interleaved rounds\n\n{versions}"]
    parts += [f"## {title}\n\n{table}" for title, table in tables(runs, about)]
    parts.append(f"## Requirements\n\n{requirement_lines(listed)}")
    parts.append("\n".join(f"- {note}" for note in about["notes"]))
    return "\n\n".join(parts) + "\n"


def section(made):
    """What the README shows of it."""
    about, runs = made["about"], made["runs"]
    met = [requirement["met"] for requirement in made["requirements"]]
    parts = [f"**{title}**\n\n{table}" for title, table in tables(runs, about)]
    parts.append(f"{about['started'][:10]}, {about['machine']}, {about['pinned']}; medians of {about['rounds']} interleaved "
                 f"rounds; requests as the server counted them. {met.count(True)} of the {len(met) - met.count(None)} requirements "
                 f"measured are met. `scripts/compare-peers.sh` measures it.")
    return "\n\n".join(parts)


def between(text, new):
    """The text with what is between the markers replaced.

    >>> between(f"a\\n{BEGIN}\\nold\\n{END}\\nb\\n", "new") == f"a\\n{BEGIN}\\nnew\\n{END}\\nb\\n"
    True
    >>> between("nothing", "new")
    Traceback (most recent call last):
    ValueError: needs one line <!-- compare-peers: begin --> and after it one <!-- compare-peers: end -->
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"needs one line {BEGIN} and after it one {END}")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{new}\n{END}{rest.split(END)[1]}"


def about_of(lines):
    """What the comparison was, from lines of a key and its value; some keys come several times.

    >>> about = about_of(["rounds 3", "pinned client on core 0", "tool wrk", "rate 2000", "version wrk 4.1.0-3", "note a b"])
    >>> about["rounds"], about["pinned"], about["tools"], about["rates"], about["versions"], about["notes"]
    (3, 'client on core 0', ['wrk'], [2000], {'wrk': '4.1.0-3'}, ['a b'])
    """
    about = {"tools": [], "rates": [], "versions": {}, "notes": []}
    for line in lines:
        key, value = line.strip().split(" ", 1)
        value = int(value) if value.isdigit() else value
        if key == "version":
            tool, version = value.split(" ", 1)
            about["versions"][tool] = version
        elif f"{key}s" in about:
            about[f"{key}s"].append(value)
        else:
            about[key] = value
    return about


def machine():
    """The processor, as far as the system tells, and the kernel."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.MULTILINE)
    return f"{os.cpu_count()} × {model[1] if model else platform.machine()}, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("tables")
    make.add_argument("runs")
    make.add_argument("about")
    make.add_argument("output")
    make.add_argument("--check", action="store_true")
    readme = commands.add_parser("readme")
    readme.add_argument("made")
    readme.add_argument("readme")
    asked = parser.parse_args()

    if asked.command == "readme":
        with open(asked.made) as file:
            made = json.load(file)
        with open(asked.readme) as file:
            text = file.read()
        try:
            text = between(text, section(made))
        except ValueError as error:
            print(f"{asked.readme}: {error}", file=sys.stderr)
            return 2
        with open(asked.readme, "w") as file:
            file.write(text)
        return 0

    with open(asked.runs) as file:
        runs = [json.loads(line) for line in file]
    with open(asked.about) as file:
        about = about_of(file) | {"machine": machine()}
    listed = figures.requirements(runs, about["thinking_users"])
    page = document(runs, about, listed)
    with open(f"{asked.output}.md", "w") as file:
        file.write(page)
    with open(f"{asked.output}.json", "w") as file:
        json.dump({"schema": 1, "about": about, "requirements": listed, "runs": runs}, file, indent=1, ensure_ascii=False)
    print(page)
    return figures.exit_code(listed) if asked.check else 0


if __name__ == "__main__":
    sys.exit(main())
