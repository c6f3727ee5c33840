"""A journal's records as columns of numbers, for what must hold at millions of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bakeoff.case import Case
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.ranking import SEVERITY, Setting, settings_of
from bakeoff.record import Outcome
from bakeoff_reports.grouped import Floats, Ints, Mask

NUMBERS = ("cpu_ns", "wall_ns", "device_ns", "stretch", "overrun", "error_fraction", "usual")


class Place(NamedTuple):
    """Where a backend's records come from, the first that tells."""

    backend: str
    environment_id: str


@dataclass(frozen=True)
class Archive:
    """A journal's records as columns; see `bakeoff.columns.Row`.

    Attributes
    ----------
    cell
        Per record: (case · backends + backend) · 2 + replica.
    round, severity
        Per record; the severity is the outcome's place in `bakeoff.ranking.SEVERITY`.
    numbers
        The other columns; NaN where there is no value.
    """

    meta: Mapping[str, Any]
    cases: Sequence[Case]
    settings: Mapping[str, Setting]
    cell: Ints
    round: Ints
    severity: Ints
    numbers: Mapping[str, Floats]

    @property
    def reference(self) -> str:
        return next(iter(self.settings), "")

    @property
    def size(self) -> int:
        """How many cells are planned, with a twin of each."""
        return 2 * len(self.cases) * len(self.settings)

    @property
    def case(self) -> Ints:
        """The case of each record."""
        return self.cell // (2 * len(self.settings))

    @cached_property
    def is_contended(self) -> Mask:
        return np.asarray(self.severity == SEVERITY.index(Outcome.CONTENDED))

    def beside(self, values: Floats, used: Mask) -> Floats:
        """Return for each record the reference's value of the same case and round, or NaN."""
        rounds = int(self.round.max(initial=0)) + 1
        place = self.case * rounds + self.round
        is_reference = used & (self.cell % (2 * len(self.settings)) == 0)
        found = np.full(len(self.cases) * rounds, math.nan)
        found[place[is_reference]] = values[is_reference]
        return np.asarray(found[place])


def read_columns(folder: Path) -> Archive:
    """Return the columns of a run's journal."""
    with Journal(folder / FILE_NAME) as journal:
        meta, cases, environments = journal.meta, journal.cases(), journal.environments()
        number = {case.id: i for i, case in enumerate(cases)}
        codes = {str(b["name"]): i for i, b in enumerate(meta.get("backends", ()))}
        severity = {outcome.value: i for i, outcome in enumerate(SEVERITY)}
        places: dict[tuple[str, str], None] = {}
        parts: list[list[Any]] = []
        for rows in journal.columns():
            columns: list[Any] = list(zip(*rows, strict=True))
            case, backend, replica, turn, outcome, environment, *rest = columns
            places.update(dict.fromkeys(zip(backend, environment, strict=True)))
            for name in set(backend):
                codes.setdefault(name, len(codes))
            parts.append([
                np.array([number.get(c, -1) for c in case]),
                np.array([codes[b] for b in backend]),
                np.array(replica), np.array(turn), np.array([severity[o] for o in outcome]),
                *(np.array(column, dtype=float) for column in rest),
            ])  # fmt: skip
    settings = settings_of(meta, environments, [Place(*pair) for pair in places])
    reference = str(meta.get("reference") or next(iter(codes), ""))
    order = sorted(codes, key=lambda name: name != reference)
    empty: list[Any] = [np.array([], dtype=int)] * 5 + [np.array([])] * len(NUMBERS)
    joined = [np.concatenate(column) for column in zip(*(parts or [empty]), strict=True)]
    case, backend, replica, turn, outcome, *numbers = joined
    renumbered = np.array([order.index(name) for name in codes] or [0])
    known = (case >= 0) & (replica <= 1)
    return Archive(
        meta, cases, {name: settings[name] for name in order},
        ((case * len(order) + renumbered[backend]) * 2 + replica)[known],
        turn[known], outcome[known],
        {name: column[known] for name, column in zip(NUMBERS, numbers, strict=True)},
    )  # fmt: skip
