"""Every hook on one screen. Implement them with `bakeoff.hookimpl`; each is optional.

Each ``register_*`` hook takes a callback, to be called once for each thing offered.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from bakeoff.case import Suite
    from bakeoff.interface import Backend
    from bakeoff.record import Record
    from bakeoff.reporting import AdoptionMetric, ReportFormat, ReportSection

PROJECT = "bakeoff"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_backends(register: "Callable[[Backend], None]") -> None:
    """Offer backends: `bakeoff.interface.Backend`."""


@hookspec
def register_suites(register: "Callable[[Suite], None]") -> None:
    """Offer suites of cases: `bakeoff.case.Suite`."""


@hookspec
def register_report_formats(register: "Callable[[ReportFormat], None]") -> None:
    """Offer ways to write a report: `bakeoff.reporting.ReportFormat`."""


@hookspec
def register_report_sections(register: "Callable[[ReportSection], None]") -> None:
    """Offer sections of the report page: `bakeoff.reporting.ReportSection`."""


@hookspec
def register_adoption_metrics(register: "Callable[[AdoptionMetric], None]") -> None:
    """Offer columns of the per-backend summary: `bakeoff.reporting.AdoptionMetric`."""


@hookspec
def run_started(run: dict[str, Any]) -> None:
    """Observe: a run begins. ``run`` holds its settings and plan."""


@hookspec
def record_finished(record: "Record") -> None:
    """Observe: a record is in the journal."""


@hookspec
def run_finished(run: dict[str, Any]) -> None:
    """Observe: a run ended; ``run["ending"]`` is complete, deadline or interrupted."""
