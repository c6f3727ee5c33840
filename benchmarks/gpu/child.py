"""One step in a process of its own: its rows as JSON lines on standard output, one by one.

Run by `driver`: ``python child.py NAME [--in-place]``. What the toolkits print goes to standard
error, so that rows stay rows.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # also when it is loaded by another script
sys.path.append(str(Path(__file__).parents[1]))

from judged import Row, row
from steps import CHECKS_OF

LACKING = "EnvironmentFailure"


def main(arguments: list[str], given: Callable[[str, bool], Any] | None = None) -> int:
    """Emit the rows of a step; ``given`` makes what its check is given."""
    name, in_place = arguments[0], "--in-place" in arguments
    emit = _own_output()
    check = import_module(f"checks.{name}")
    try:
        for found in check.rows((given or _given)(name, in_place)):
            emit(found)
    except Exception as error:
        if type(error).__name__ != LACKING:  # known by its name: ``bakeoff`` is not there for all
            raise
        emit(row(name, "not available", str(error)))
    return 0


def _given(name: str, in_place: bool) -> Any:
    kind = CHECKS_OF[name]
    if kind == "device":
        return import_module("bench").on_device()
    provided = import_module("provided")
    return provided.provide(in_place) if kind == "run" else provided.worker_of(in_place)


def _own_output() -> Callable[[Row], None]:
    """Return what writes a row; standard output becomes standard error for all others."""
    rows = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(row: Row) -> None:
        rows.write(json.dumps(row, default=str) + "\n")
        rows.flush()

    return emit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
