"""What was measured -> a table in Markdown."""

from __future__ import annotations

import platform
from collections import defaultdict
from datetime import UTC, datetime
from statistics import median

import psutil

from .peers import OURS, REFERENCE

Windows = dict[tuple[int, str, str, int], dict]
"""(workers, condition, peer, round) -> what `Server.load` said; the reference has one window before the others and one after."""

TITLES = {"a": "1 row, 1 connection", "b": "1 row, 32", "b64": "1 row, 64", "c": "1,000 rows, 4"}


def ratios(windows: Windows, workers: int, condition: str) -> dict[str, tuple[float, float, float, float]]:
    """For each peer, as ratios to the reference of the same round: calls a second, p50 latency, CPU time of a call; and calls a second."""
    rounds: dict[int, list[dict]] = defaultdict(list)
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for (w, c, peer, number), window in windows.items():
        if (w, c) == (workers, condition) and peer.startswith(REFERENCE):
            rounds[number].append(window)
    for (w, c, peer, number), window in windows.items():
        if (w, c) != (workers, condition) or not rounds[number] or (peer.startswith(REFERENCE) and peer != REFERENCE):
            continue
        speed = sum(each["per_second"] for each in rounds[number]) / len(rounds[number])
        delay = sum(each["p50_us"] for each in rounds[number]) / len(rounds[number])
        effort = sum(each["cpu_us"] for each in rounds[number]) / len(rounds[number])
        ratio = (window["per_second"] / speed, window["p50_us"] / delay, window["cpu_us"] / effort, window["per_second"])
        found[peer].append(ratio)
    return {peer: tuple(median(each[place] for each in values) for place in range(4)) for peer, values in found.items()}  # type: ignore[misc]


def markdown(windows: Windows, more: dict, asked: dict) -> str:
    names = list(dict.fromkeys(peer for _, _, peer, _ in windows if not peer.startswith(f"{REFERENCE} ")))
    cores, memory = psutil.cpu_count(), round(psutil.virtual_memory().total / 2**30)
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {cores} cores and {memory} GiB, wrk on the same",
        f"machine. {asked['rounds']} rounds of {asked['seconds']} s a window, interleaved: medians of the ratios to the bare uvicorn application of",
        "the same round, of calls a second (more is better), and of p50 and CPU time of a call (less is better). Other things kept the",
        f"machine {more['busy']:.0%} busy before; all servers together used {more['idle']:.2f} cores while nobody asked.",
        "",
    ]
    for workers in asked["workers"]:
        conditions = [each for each in TITLES if each in asked["conditions"]]
        head = " | ".join(TITLES[each] for each in conditions)
        title = f"{workers} worker{'s' * (workers > 1)}"
        lines += [f"| {title} | {head} | p50 at 1 connection | CPU of a call at 32 | MiB (PSS) | start, s |"]
        lines += ["|---" * (len(conditions) + 5) + "|"]
        tables = {each: ratios(windows, workers, each) for each in conditions}
        for name in names:
            cells = [f"{tables[each][name][0]:.2f}" if name in tables[each] else "" for each in conditions]
            delay = f"{tables['a'][name][1]:.2f}" if name in tables.get("a", {}) else ""
            effort = f"{tables['b'][name][2]:.2f}" if name in tables.get("b", {}) else ""
            memory_of, start = more["memory"].get((workers, name)), more["start"].get((workers, name))
            shown = f"**{name}**" if name in OURS else name
            lines.append(
                f"| {shown} | {' | '.join(cells)} | {delay} | {effort} | {memory_of:.0f} | {start:.1f} |"
                if memory_of
                else f"| {shown} | failed |"
            )
        lines.append("")
        absolute = ", ".join(f"{TITLES[each]}: {tables[each][REFERENCE][3]:.0f}/s" for each in conditions if REFERENCE in tables[each])
        lines += [f"The bare application itself: {absolute}.", ""]
    lines += ["| target | wanted | measured | |", "|---|---|---|---|"]
    lines += [
        f"| {what} | {wanted} | {found} | {'met' if met else 'missed'} |" for what, wanted, found, met in targets(windows, more, asked)
    ]
    if more["failed"]:
        lines += ["", "Not measured: " + "; ".join(f"{name} ({why})" for name, why in more["failed"].items()) + "."]
    return "\n".join(lines) + "\n"


def targets(windows: Windows, more: dict, asked: dict) -> list[tuple[str, str, str, bool]]:
    """(what, what is wanted, what was measured, whether that is enough)."""
    found = []
    for workers in asked["workers"]:
        for condition, wanted in (("b", 10.0), ("b64", 10.0), ("c", 1.5)):
            table = ratios(windows, workers, condition)
            peers = {name: values[0] for name, values in table.items() if name not in (*OURS, REFERENCE)}
            if "ours" in table and peers:
                best = max(peers, key=lambda name: peers[name])
                times = table["ours"][0] / peers[best]
                what = f"{TITLES[condition]} connections, {workers} worker{'s' * (workers > 1)}: times the fastest peer"
                found.append((what, f">= {wanted:g}", f"{times:.1f} ({best})", times >= wanted))
        table = ratios(windows, workers, "a")
        if "ours" in table:
            delay = table["ours"][1]
            what = f"p50 at 1 connection with everything checked, {workers} worker{'s' * (workers > 1)}: ratio to bare"
            found.append((what, "<= 1.0", f"{delay:.2f}", delay <= 1))
    one, two = more["memory"].get((1, "ours")), more["memory"].get((2, "ours"))
    if one and two:
        found.append(("memory of 2 workers: ratio to 1", "<= 1.3", f"{two / one:.2f} ({two:.0f} / {one:.0f} MiB)", two <= 1.3 * one))
    steps = more.get("steps")
    if steps:
        found.append(
            ("start to first answer, beyond importing the user's packages", "<= 0.3 s", f"{steps['start']:.2f} s", steps["start"] <= 0.3)
        )
        share = steps["check"] / steps["whole"]
        text = f"{share:.1%} ({steps['check']:.1f} of {steps['whole']:.0f} us)"
        found.append(("reading and checking the body, of a request of 1 row", "< 5 %", text, share < 0.05))
    return found
