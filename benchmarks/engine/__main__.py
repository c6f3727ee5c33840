"""Is the engine as fast, as lean and as exact as it is to be? A table of gates and aims.

Run: ``python benchmarks/engine [--gate] [--rows GLOB ...] [--rounds N]``, on a machine that is
otherwise idle; all of it takes less than ten minutes. Ratios to PyTorch and JAX are measured by
bakeoff's own runs, in their environments.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # also when run as a folder's path
sys.path.append(str(Path(__file__).parents[1]))

from bank import collect
from judging import judge
from rows import ROWS, Row, chosen, ratios
from tables import page, text

from bakeoff import machine

DOCS = Path(__file__).parents[2] / "docs"
IDLE = 0.3  # load of the last minute, up to which a machine counts as idle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", action="append", default=[], metavar="GLOB",
                        help=f"only these of {', '.join(r.name for r in ROWS)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=10, help="most process rounds")
    parser.add_argument("--gate", action="store_true", help="exit with 1 if a gate is missed")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the figures as JSON")
    parser.add_argument("--write", action="store_true", help="write docs/engine.md and its data")
    parser.add_argument("--threads", type=int, default=1, metavar="N",
                        help="of every backend; gates are for one")  # fmt: skip
    options = parser.parse_args()
    if options.threads > 1 and (options.gate or options.write):
        parser.error("--threads with --gate or --write, expected neither: they are for one thread")
    if options.threads > 1 and (why := unfit(options.threads)):
        print(f"engine: {options.threads} threads are not to be had: {why}")
        return 0
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}, expected 1 or more")
    if options.write and options.rows:
        parser.error("--write with --rows, expected one of them: the page holds every row")
    try:
        rows = chosen(options.rows)
    except ValueError as error:
        parser.error(str(error))
    found = measure(rows, options.rounds, options.threads)
    print(text(found))
    data = json.dumps(found, indent=1) + "\n"
    if options.out:
        options.out.write_text(data)
    if options.write:
        (DOCS / "measured" / "engine.json").write_text(data)
        (DOCS / "engine.md").write_text(page(found))
    return int(options.gate and any(row["verdict"] == "miss" for row in found["rows"]))


def unfit(threads: int) -> str:
    """Return why this machine cannot time several threads now; empty if it can."""
    there, load = len(machine.allowed_cpus()), machine.state()["load"][0]
    if there < threads:
        return f"{there} processors, expected {threads}"
    return f"load {load:.2f}, expected at most {IDLE}: it is not idle" if load > IDLE else ""


def measure(rows: tuple[Row, ...], rounds: int, threads: int) -> dict[str, Any]:
    """Return the figures of the rows, and how they were measured."""
    began, before = time.monotonic(), machine.state()
    bank = collect(tuple(ratios(rows)), rounds, threads)
    judged = [judge(row, bank) for row in rows]
    about = machine.describe_machine()
    return {
        "command": "python benchmarks/engine",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {k: about[k] for k in ("cpu", "cores", "threads", "os", "python")},
        "load": [before["load"][0], machine.state()["load"][0]],
        "rounds": rounds,
        "threads": threads,
        "elapsed_s": round(time.monotonic() - began, 1),
        "versions": bank.versions,
        "noise": bank.noise,
        "rows": judged,
    }


if __name__ == "__main__":
    sys.exit(main())
