"""Draw the pictures of `verdicts.md` from what `measure.py` and the benchmarks have kept.

Run: ``python docs/draw.py [--out docs/pictures] [NAME ...]``. Nothing is measured here. A picture
whose numbers are missing is left out, which is said.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from sketches.errors import errors
from sketches.intervals import many, rounds, verdicts
from sketches.models import models, steps
from sketches.paper import RC, Data, svg
from sketches.processes import processes, turns
from sketches.tools import tools

from bakeoff_reports import style

HERE = Path(__file__).parent
MEASURED = HERE / "measured"

# Name → the file with its numbers, and how it is drawn.
PICTURES: dict[str, tuple[str, Callable[[Data], Figure]]] = {
    "errors": ("errors.json", errors),
    "processes": ("processes.json", processes),
    "turns": ("turns.json", turns),
    "verdicts": ("effects.json", verdicts),
    "many": ("equals.json", many),
    "rounds": ("effects.json", rounds),
    "models": ("models.json", models),
    "steps": ("models.json", steps),
    "tools": ("verdicts.json", tools),
}


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--out", type=Path, default=HERE / "pictures")
    options = parser.parse_args(given)
    if unknown := set(options.names) - set(PICTURES):
        parser.error(f"{', '.join(sorted(unknown))}, expected some of {', '.join(PICTURES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or PICTURES:
        source, picture = PICTURES[name]
        path = MEASURED / source
        if not path.exists():
            print(f"{name}: left out, no measured/{path.name}", file=sys.stderr)
            continue
        with style.house_style(), matplotlib.rc_context(RC):
            figure = picture(json.loads(path.read_text(encoding="utf-8")))
            (options.out / f"{name}.svg").write_text(svg(figure), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
