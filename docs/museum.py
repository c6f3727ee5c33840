"""Bring the museum to life on this machine, from nothing, and write what came of it.

Run: ``python docs/museum.py``, on a machine that is otherwise idle. It provisions every toolkit of
the processor into an empty cache, of downloads too, runs the preset ``museum`` into
``museum-results``, and writes `museum.md`, its chart and ``measured/museum.json``. It takes about a
quarter of an hour and the gigabytes that the page names. ``--from DIR`` writes the page of a run
that is there, with what was measured of the provisioning before.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
from sketches.paper import RC, svg

from bakeoff import machine
from bakeoff.markdown import row, rule
from bakeoff.record import Outcome
from bakeoff_reports import METRICS, museum, words
from bakeoff_reports.analysis import Analysis, analyse, load
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import Figure, Paragraph, Table
from bakeoff_reports.markdown import blocks as as_markdown

HERE = Path(__file__).parent
MEASURED = HERE / "measured" / "museum.json"
RESULTS = Path("museum-results")
PICTURE = Path("pictures") / "museum.svg"
Facts = dict[str, Any]

INTRODUCTION = """# The museum

Every toolkit that bakeoff drives on a processor, on one chart: each in its own environment, on its
own Python, in its own process, given the same programs, weights and batches. This page is written
by `python docs/museum.py`, which provisions all of them into an empty cache and runs the preset
`museum`. What the toolkits were found to get wrong stands in [findings](findings.md).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="run", type=Path, metavar="DIR", help="a run's folder")
    run = parser.parse_args().run
    if run is None:
        run = RESULTS
        with tempfile.TemporaryDirectory(prefix="bakeoff-museum-") as cache:
            facts = bring_to_life(Path(cache), run)
        MEASURED.write_text(json.dumps(facts, indent=1) + "\n")
    write(run, json.loads(MEASURED.read_text()))


def bring_to_life(cache: Path, run: Path) -> Facts:
    """Provision everything anew, and run the preset; return how long it took, and where."""
    about = machine.describe_machine()
    facts: Facts = {
        "command": "python docs/museum.py",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {k: about[k] for k in ("cpu", "threads", "os", "python")},
        "load": [machine.state()["load"][0]],
    }
    caches = {"BAKEOFF_CACHE_DIR": str(cache / "bakeoff"), "UV_CACHE_DIR": str(cache / "uv")}
    env = {**os.environ, **caches}
    facts["provisioning_s"], facts["provisioning_exit"] = _timed(env, "env", "create", "--all")
    made = json.loads(_bakeoff(env, "env", "list", "--json", capture_output=True).stdout)
    facts["environments"] = len(made)
    facts["bytes"] = sum(e["size_bytes"] for e in made)
    facts["run_s"], facts["run_exit"] = _timed(env, "run", "--preset", "museum", "--out", str(run))
    facts["load"].append(machine.state()["load"][0])
    return facts


def _timed(env: Mapping[str, str], *arguments: str) -> tuple[float, int]:
    began = time.monotonic()
    code = _bakeoff(env, *arguments).returncode
    return round(time.monotonic() - began), code


def _bakeoff(env: Mapping[str, str], *arguments: str, **options: Any) -> Any:
    command = [sys.executable, "-m", "bakeoff", *arguments]
    return subprocess.run(command, env=dict(env), text=True, check=False, **options)


def write(run: Path, facts: Facts) -> None:
    """Write the page of a run, and its chart."""
    analysis = analyse(load(run), METRICS)
    (HERE / "museum.md").write_text("\n".join(_page(analysis, facts)))


def _page(analysis: Analysis, facts: Facts) -> Iterator[str]:
    yield INTRODUCTION
    yield _setting(facts)
    yield ""
    for block in museum.museum(analysis):
        match block:
            case Figure():
                (HERE / PICTURE).write_text(_drawn(block))
                yield from (f"![{block.alt}]({PICTURE.as_posix()})", "", block.caption, "")
            case Table():
                yield from ("## By first release", "", *as_markdown([block]))
            case Paragraph():
                yield from as_markdown([block])
    yield from ("## How the cells ended", "")
    yield from ("Each backend's cells of each suite, by outcome; `ok` is right and timed.", "")
    yield from _outcomes(analysis)
    yield ""


def _drawn(figure: Figure) -> str:
    with matplotlib.rc_context(RC):
        return svg(figure.drawing)


def _setting(facts: Facts) -> str:
    at = facts["machine"]
    load_before, load_after = facts["load"]
    return (
        f"{facts['at'][:10]}, {at['cpu']}, {words.count(at['threads'], 'thread')}, {at['os']}, "
        f"Python {at['python']}; load {load_before:.1f} before, {load_after:.1f} after. "
        f"`bakeoff env create --all`: {words.count(facts['environments'], 'environment')}, "
        f"{facts['bytes'] / 1e9:.1f} GB, in {_minutes(facts['provisioning_s'])} (exit code "
        f"{facts['provisioning_exit']}). `bakeoff run --preset museum`: "
        f"{_minutes(facts['run_s'])} (exit code {facts['run_exit']})."
    )


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def _outcomes(analysis: Analysis) -> Iterator[str]:
    """A row per backend, a column per suite, the outcomes counted; and the sums below."""
    ended: dict[str, dict[str, Counter[Outcome]]] = defaultdict(lambda: defaultdict(Counter))
    for cell in rows_of(analysis.cells):
        for backend in (str(cell.backend), "together"):
            for suite in (cell.suite, "together"):
                ended[backend][suite][cell.outcome] += 1
    suites = list(ended["together"])
    suites.append(suites.pop(suites.index("together")))
    yield row(["backend", *suites])
    yield rule([False] * (len(suites) + 1))
    for backend in (*analysis.backends, "together"):
        yield row([backend, *(_counted(ended[backend][suite]) for suite in suites)])


def _counted(outcomes: Counter[Outcome]) -> str:
    """In words, the good outcomes first."""
    return ", ".join(f"{outcomes[o]} {o.value}" for o in Outcome if outcomes[o])


if __name__ == "__main__":
    main()
