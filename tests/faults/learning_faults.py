"""A family of small trainings, and backends that learn from the test set or skip steps.

Also a plugin: ``bakeoff run --in-place --plugin learning_faults.py --suites learning``.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import bakeoff
from bakeoff.arrival import LEAST_SEEDS
from bakeoff.case import Case, Preset, Suite
from bakeoff.interface import Backend
from bakeoff_two_layer.cases import fit_case
from bakeoff_two_layer.seeds import seeds

HERE = Path(__file__).parent
FAULTS = {"learns_from_the_test": "too fast", "skips_steps": "too slowly"}
TARGET = 0.88


def _cases(preset: Preset) -> Iterator[Case]:
    base = fit_case(16, 64, "sgd")
    assert base.fit is not None
    fit = replace(base.fit, target_accuracy=TARGET)
    found = seeds(replace(base, suite="learning", fit=fit))
    yield from (case for case in found if case.seed < LEAST_SEEDS)


@bakeoff.hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    for fault in FAULTS:
        register(
            Backend(
                name=fault.replace("_", "-"),
                title=f"The reference engine, which {fault.replace('_', ' ')}",
                toolkit="NumPy",
                adapter=f"{HERE / 'learning_adapter.py'}:LearningAdapter",
                mode={"fault": fault},
                packages=("bakeoff_reference", "bakeoff", "bakeoff_two_layer"),
            )
        )


@bakeoff.hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(Suite("learning", "Learning", "Twenty starts of a small network.", _cases))
