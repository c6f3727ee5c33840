"""The results as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

EFFECTS = ("A/A", "+2 %", "+5 %")
TITLES = {
    "quiet": "Quiet",
    "hog": "With a CPU hog on the measured core, 0.3 s on and 0.3 s off",
    "drift": "Under a drift of 30 % over ten seconds",
}
KERNELS = {"about_1us": "1 µs", "about_50us": "50 µs", "about_2ms": "2 ms"}
OURS = "bakeoff"


def markdown(found: Mapping[str, Any]) -> str:
    """Return all conditions of a results file."""
    return "\n".join(line for name, data in found.items() for line in _condition(name, data))


def _condition(name: str, data: Mapping[str, Any]) -> Iterator[str]:
    about = data["machine"]
    yield from (f"### {TITLES[name]}", "")
    yield (
        f"{about['cpu']}, {about['threads']} threads, Python {about['python']}; load before and "
        f"after {data['load'][0][0]}, {data['load'][1][0]}; {data['rounds']} process rounds, a "
        f"worker starts in {1000 * data['start_s']:.0f} ms; {data['at'][:10]}."
    )
    yield ""
    yield "| kernel | who | " + " | ".join(f"says that {e} differs" for e in EFFECTS) + " |"
    yield "|---|---|" + "--:|" * len(EFFECTS)
    for kernel, title in KERNELS.items():
        own = data["kernels"][kernel]
        yield _row(title, f"{OURS}: the interval excludes 1", own["differ"])
        yield _row(title, f"{OURS}: faster or slower, by more than 2 %", own["claimed"])
        for tool, counts in data["others"].get(kernel, {}).items():
            yield _row(title, tool, counts)
    yield ""
    yield "| kernel | spread of equals | interval | rounds | seconds, with starts | holds 1 |"
    yield "|---|--:|--:|--:|--:|--:|"
    for kernel, title in KERNELS.items():
        own = data["kernels"][kernel]
        for width, s in own["sequential"].items():
            seconds = f"{s['measuring_s']:.2f}, {s['all_s']:.1f}"
            yield (
                f"| {title} | {100 * own['spread']:.2f} % | ±{100 * float(width):g} % "
                f"| {s['rounds']} | {seconds} | {_share(s['held'])} |"
            )
    yield ""


def _row(title: str, who: str, counts: Mapping[str, Any]) -> str:
    return f"| {title} | {who} | " + " | ".join(_share(counts[e]) for e in EFFECTS) + " |"


def _share(pair: list[int]) -> str:
    found, of = pair
    return f"{100 * found / of:.0f} % ({found} of {of})" if of else "–"
