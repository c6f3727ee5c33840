"""Are verdicts true? A/A false alarms, power, seconds and coverage, beside other tools.

Run: ``python benchmarks/verdicts [--conditions quiet,hog,drift] [--rounds 1000] [--others 40]``.
A thousand rounds give 200 trials of ten rounds of equals, and 100 of each slower backend. The
machine should be otherwise idle, but for ``hog``. Other tools need ``pip install --group bench``.
Results are added to a JSON file, condition by condition, and printed as Markdown.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # also when run as a folder's path
sys.path.append(str(Path(__file__).parents[1]))

from bank import Bank, collect
from conditions import CONDITIONS, condition
from kernels import KERNELS
from tables import markdown
from trials import EQUAL, ROUNDS, SLOWER, Count, claimed, differing, sequential, spread

from bakeoff import machine

HALF_WIDTHS = (0.02, 0.01)
EFFECTS = {"A/A": 0.0, "+2 %": 0.02, "+5 %": 0.05}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conditions", default=",".join(CONDITIONS))
    parser.add_argument("--rounds", type=int, default=1000, help="process rounds per condition")
    parser.add_argument("--others", type=int, default=40, help="trials of other tools; 0: none")
    parser.add_argument("--out", type=Path, default=Path("verdicts.json"))
    options = parser.parse_args()
    names = options.conditions.split(",")
    if unknown := set(names) - set(CONDITIONS):
        parser.error(f"conditions {unknown}, expected some of {', '.join(CONDITIONS)}")
    found: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in names:
        found[name] = measure(name, options.rounds, options.others)
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    print(markdown(found))
    return 0


def measure(name: str, rounds: int, others: int) -> dict[str, Any]:
    """Return the figures of one condition."""
    with condition(name) as cpu:
        before = machine.state()
        bank = collect(rounds, cpu, drifts=name == "drift")
        compared = beside(cpu, name == "drift", others) if others else {}
    about = machine.describe_machine()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {k: about[k] for k in ("cpu", "cores", "threads", "os", "python")},
        "load": [before["load"], machine.state()["load"]],
        "rounds": rounds,
        "rounds_of_a_trial": ROUNDS,
        "start_s": bank.start_s,
        "kernels": {kernel: decided(bank, kernel) for kernel in KERNELS},
        "others": compared,
    }


def decided(bank: Bank, kernel: str) -> dict[str, Any]:
    """Return what bakeoff decided of a kernel's trials."""
    effects = {"A/A": EQUAL, **SLOWER}
    return {
        "spread": spread(bank, kernel),
        "block_s": bank.block_s[kernel],
        "differ": {e: _pair(differing(bank, kernel, p)) for e, p in effects.items()},
        "claimed": {e: _pair(claimed(bank, kernel, p)) for e, p in effects.items()},
        "sequential": {
            str(width): {
                "rounds": s.rounds, "held": _pair(s.held),
                "measuring_s": s.measuring_s, "all_s": s.all_s,
            }
            for width in HALF_WIDTHS
            if (s := sequential(bank, kernel, width))
        },
    }  # fmt: skip


def beside(cpu: int, drifts: bool, trials: int) -> dict[str, Any]:
    """Return per kernel what other tools decided of its pairs."""
    from others import TOOLS, decide

    found: dict[str, Any] = {kernel: {tool: {} for tool in TOOLS} for kernel in KERNELS}
    for effect, slower in EFFECTS.items():
        for kernel, counts in decide(cpu, drifts, slower, trials).items():
            for tool in TOOLS:
                found[kernel][tool][effect] = [counts[tool], trials]
    return found


def _pair(count: Count) -> list[int]:
    return [count.found, count.of]


if __name__ == "__main__":
    sys.exit(main())
