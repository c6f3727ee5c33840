"""Which cells of a run may be compared, and by how much they differ.

The terminal's summary and every report read their ratios here, so that they agree. A cell is
ranked if it is right on both sides, under like settings; both sides of a ratio are
read off one clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan
from typing import Any, Protocol

from bakeoff import statistics
from bakeoff.arrival import Arrivals, epochs, families, family, oracle_epochs
from bakeoff.case import Case
from bakeoff.ceilings import Ceilings, Use, pooled, utilisation
from bakeoff.claims import Claim, claims
from bakeoff.floors import Demand, conventional
from bakeoff.record import Outcome, Record
from bakeoff.remarks import Evidence, Remark, remarks
from bakeoff.statistics import MINIMUM_EFFECT, Aggregate, Clock
from bakeoff.timing import clock_for

# From good to bad. That the machine was busy must not hide a wrong answer, and a round that
# was cut short says nothing of the cell if another round was not.
SEVERITY = (
    Outcome.INTERRUPTED,
    Outcome.OK,
    Outcome.CONTENDED,
    Outcome.MISMATCH,
    Outcome.UNSUPPORTED,
    Outcome.UNAVAILABLE,
    Outcome.ERROR,
    Outcome.OUT_OF_MEMORY,
    Outcome.TIMEOUT,
    Outcome.CRASHED,
)


def cell_outcome(records: Iterable[Record]) -> Outcome:
    """Return the worst outcome of a cell's rounds; ``interrupted`` without any record.

    Rounds in which the machine was too busy count for the cell only if most were so.
    """
    outcomes = [r.outcome for r in records]
    if 2 * outcomes.count(Outcome.CONTENDED) <= len(outcomes):
        outcomes = [o for o in outcomes if o is not Outcome.CONTENDED]
    return max(outcomes, key=SEVERITY.index, default=Outcome.INTERRUPTED)


def worst_fraction(records: Iterable[Record]) -> float | None:
    """Return a cell's largest error as a fraction of its bound; None if nothing was checked.

    NaN is the worst. An accuracy to be reached is no error bound.
    """
    checks = [c for r in records for c in r.checks or () if c.kind != "target"]
    return max((inf if isnan(c.fraction) else c.fraction for c in checks), default=None)


@dataclass(frozen=True, slots=True)
class Setting:
    """What decides whether a backend's times compare with another's.

    ``device`` is the registered backend's; ``threads`` is what the toolkit read back, or what
    was asked of one that never started (``known`` is False). ``events`` tells whether the
    device's own events timed it, ``model`` how the toolkit calls a device that is no CPU.
    ``modes`` are its settings of precision, as far as it has them
    (`bakeoff.interface.Adapter.describe`).
    """

    device: str = "cpu"
    threads: int = 1
    known: bool = False
    events: bool = False
    model: str = ""
    modes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """The clock that is fair to the backend."""
        return clock_for(self.threads, self.device, self.events)

    def clock_with(self, other: "Setting") -> Clock:
        """Return the clock on which two backends compare: their own if alike, else wall time.

        So two backends that both have their device's events compare by those, and one of the
        CPU compares with one of a device end to end.
        """
        alike = self.device == other.device and self.clock == other.clock
        return self.clock if alike else "wall"

    def unlike(self, other: "Setting", name: str) -> str:
        """Return the setting that forbids ranking with ``other``; empty if none does.

        A number of threads is a choice and not a merit, on one kind of device. A mode of less
        precision does less work, on any.
        """
        if not (self.known and other.known):
            return ""
        if self.device == other.device and self.threads != other.threads:
            return f"threads {self.threads}, {name} {other.threads}"
        for mode in sorted(self.modes.keys() & other.modes.keys()):
            if self.modes[mode] != other.modes[mode]:
                return f"{mode} {_said(self.modes[mode])}, {name} {_said(other.modes[mode])}"
        return ""


def _said(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


class Placed(Protocol):
    """What a record says of where it ran."""

    @property
    def backend(self) -> str: ...

    @property
    def environment_id(self) -> str: ...


def settings_of(
    meta: Mapping[str, Any],
    environments: Mapping[str, Mapping[str, Any]],
    records: Iterable[Placed],
) -> dict[str, Setting]:
    """Return the setting of each backend of a run, from its first record that has one."""
    asked = int(meta.get("settings", {}).get("threads", 1))
    found = {b["name"]: Setting(b.get("device", "cpu"), asked) for b in meta.get("backends", ())}
    for record in records:
        setting = found.setdefault(record.backend, Setting(threads=asked))
        if setting.known or record.environment_id not in environments:
            continue
        hello = environments[record.environment_id].get("hello", {})
        described = hello.get("describe", {})
        threads = described.get("threads")
        read_back = int(threads) if isinstance(threads, int | float) else asked
        found[record.backend] = replace(
            setting, threads=read_back, known=True, events=bool(hello.get("device_events")),
            model="" if setting.device == "cpu" else str(described.get("device", "")),
            modes=described.get("modes", {}),
        )  # fmt: skip
    return found


class Ranking:
    """The comparable cells of a run.

    Parameters
    ----------
    cases
        Of the plan.
    settings
        Per backend, the reference first.
    records
        Of the journal.
    ceilings
        By backend, as far as they were measured.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        settings: Mapping[str, Setting],
        records: Iterable[Record],
        ceilings: Mapping[str, Ceilings] | None = None,
    ) -> None:
        self.settings = settings
        self.reference = next(iter(settings), "")
        self._cases = {c.id: c for c in cases}
        self._suites = {c.id: c.suite for c in cases if c.timed and c.fit is None}
        self._families = families(cases)
        self._ceilings = ceilings or {}
        self._demands: dict[str, Demand] = {}
        self._remarks: dict[tuple[str, str], tuple[Remark, ...]] = {}
        self._records: dict[tuple[str, str, int], list[Record]] = defaultdict(list)
        for record in records:
            self._records[record.case_id, record.backend, record.replica].append(record)

    def records(self, case: str, backend: str, replica: int = 0) -> Sequence[Record]:
        """Return a cell's records, one per process round."""
        return self._records.get((case, backend, replica), ())

    def outcome(self, case: str, backend: str, replica: int = 0) -> Outcome:
        """Return a cell's outcome, the worst of its rounds."""
        return cell_outcome(self.records(case, backend, replica))

    def times(
        self, case: str, backend: str, replica: int = 0, clock: Clock | None = None
    ) -> dict[int, float]:
        """Return a cell's time per call in nanoseconds; see `bakeoff.statistics.round_times`."""
        clock = clock or self.settings[backend].clock
        return statistics.round_times(self.records(case, backend, replica), clock)

    def pairs(self, case: str, backend: str, replica: int = 0) -> dict[int, float]:
        """Return the log of time/reference time by process round, ranked or not."""
        clock = self.settings[backend].clock_with(self.settings[self.reference])
        own = self.times(case, backend, replica, clock)
        return statistics.log_ratios(own, self.times(case, self.reference, clock=clock))

    def remarks(self, case: str, backend: str) -> tuple[Remark, ...]:
        """Return what is to be known of a cell beside its outcome."""
        key = case, backend
        if key not in self._remarks and case in self._cases:
            records = self.records(case, backend)
            beside = records if backend == self.reference else self.records(case, self.reference)
            clock = self.settings[backend].clock_with(self.settings[self.reference])
            self._remarks[key] = remarks(
                Evidence(
                    self._cases[case], backend, records, beside, clock,
                    self.settings[backend].threads, self.ceilings(backend),
                    self.arrivals(case, backend),
                )
            )  # fmt: skip
        return self._remarks.get(key, ())

    def arrivals(self, case: str, backend: str) -> Arrivals:
        """Return when the trainings of a case's family arrived, the backend's and the oracle's."""
        ids = self._families.get(family(self._cases[case]) or ("", ()), ())
        own = (epochs(self.records(c, backend)) for c in ids)
        return Arrivals(
            tuple(e for e in own if e is not None),
            tuple(e for c in ids if (e := self._oracle_epochs(c)) is not None),
        )

    def _oracle_epochs(self, case: str) -> float | None:
        found = (oracle_epochs(self.records(case, backend)) for backend in self.settings)
        return next((e for e in found if e is not None), None)

    def ceilings(self, backend: str) -> Ceilings:
        """Return what is possible for a backend: the best that any like it has measured."""
        if backend not in self._ceilings:
            return Ceilings()
        mine = self.settings[backend]
        alike = [
            found
            for name, found in self._ceilings.items()
            if (other := self.settings.get(name)) is not None
            and (other.device, other.threads) == (mine.device, mine.threads)
        ]
        return pooled(self._ceilings[backend], alike)

    def use(self, case: str, backend: str, time_ns: float) -> Use | None:
        """Return how much of the ceiling that binds it a time reaches; None if it is unknown."""
        if case not in self._demands:
            self._demands[case] = conventional(self._cases[case].program)
        threads = self.settings[backend].threads
        return utilisation(self._demands[case], time_ns, self.ceilings(backend), threads)

    def why_not(self, case: str, backend: str, replica: int = 0) -> str:
        """Return why a cell takes part in no ranking; empty if it does."""
        outcome = self.outcome(case, backend, replica)
        if outcome is not Outcome.OK:
            return f"not ranked: {outcome.replace('_', ' ')}"
        if self.outcome(case, self.reference) is not Outcome.OK:
            return "not ranked: the reference backend has no good result"
        for name in dict.fromkeys((backend, self.reference)):
            for remark in self.remarks(case, name):
                if remark.forbids:
                    return (
                        f"not ranked: {remark.text if name == backend else f'{name} {remark.text}'}"
                    )
        base = self.settings[self.reference]
        unlike = self.settings[backend].unlike(base, self.reference)
        return f"not ranked: {unlike}" if unlike else ""

    def logs(
        self, backend: str, suite: str | None = None, replica: int = 0
    ) -> dict[str, dict[int, float]]:
        """Return the log ratios of a backend's ranked cells: case → process round → log."""
        ranked = {c: self.pairs(c, backend, replica) for c in self.timed(suite)
                  if not self.why_not(c, backend, replica)}  # fmt: skip
        return {case: by_round for case, by_round in ranked.items() if by_round}

    def timed(self, suite: str | None = None) -> list[str]:
        """Return the ids of the cases whose calls are timed, of one suite or of all."""
        return [case for case, its in self._suites.items() if suite in (None, its)]

    def claims(self, margin: float = MINIMUM_EFFECT) -> dict[tuple[str, str], Claim]:
        """Return what is claimed of each ranked cell, by case and backend: one family."""
        contrasts = {
            (case, backend): contrast
            for backend in self.settings
            if backend != self.reference
            for case, by_round in self.logs(backend).items()
            if (contrast := statistics.paired(by_round.values()))
        }
        return claims(contrasts, margin)

    def known_to(self, half_width: float) -> tuple[int, int]:
        """Return how many ranked ratios have intervals as narrow as that, and of how many."""
        others = [b for b in self.settings if b != self.reference]
        found = [
            statistics.interval(by_round.values())
            for backend in others
            for by_round in self.logs(backend).values()
        ]
        return sum(i is not None and i.half_width <= half_width for i in found), len(found)

    def speed(self, backend: str, suite: str | None = None) -> Aggregate:
        """Return the geometric mean of a backend's ranked ratios, with its coverage."""
        return statistics.geometric_mean(self.logs(backend, suite), len(self.timed(suite)))

    def twins(self) -> dict[str, dict[int, float]]:
        """Return the log ratios of the reference's twin: nothing but noise."""
        return self.logs(self.reference, replica=1)
