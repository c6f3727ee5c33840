"""The suite `history`: what a lecture tells of deep learning's winters, as experiments.

The images are the suite `two_layer`'s handwritten digits.
"""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.case import Suite
from bakeoff_history.cases import SUITE


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)
