"""The suite `two_layer`: linear regression and networks of two layers, trained.

The package carries 5,000 handwritten digits; see PROVENANCE.md.
"""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.case import Suite
from bakeoff_two_layer.cases import SUITE


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)
