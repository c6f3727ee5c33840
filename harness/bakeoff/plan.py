"""What is to be measured: cases times backends, before any worker has started."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from bakeoff import variants
from bakeoff.case import EVERY_PRESET, MUSEUM, Case, Suite
from bakeoff.errors import UsageError
from bakeoff.interface import Backend
from bakeoff.settings import Settings

USUAL_BACKENDS = ("numpy", "numpy-plan", "torch", "jax")  # of these, what is registered


class Seat(NamedTuple):
    """One worker's place in a round. Replica 1 is the reference backend's twin.

    The twin is the same code in another process; what differs between the two is noise.
    """

    backend: str
    replica: int


class Cell(NamedTuple):
    """One case on one seat."""

    case_id: str
    backend: str
    replica: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Cases and backends, in order; the first backend is the reference.

    ``problems`` names suites that failed to yield their cases.
    """

    backends: tuple[Backend, ...]
    cases: tuple[Case, ...]
    problems: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The backend that ratios are taken against."""
        return self.backends[0].name

    @property
    def seats(self) -> tuple[Seat, ...]:
        """Every worker of a round: the reference, its twin, the other backends."""
        twin = Seat(self.reference, 1)
        first, *others = (Seat(b.name, 0) for b in self.backends)
        return (first, twin, *others)

    def cells(self) -> Iterator[Cell]:
        """Yield every cell. The twin has none of the cases that are not timed."""
        for case in self.cases:
            for seat in self.seats:
                if takes_part(case, seat):
                    yield Cell(case.id, *seat)


def takes_part(case: Case, seat: Seat) -> bool:
    """Return whether a seat runs a case: the twin is there for times only."""
    return case.timed or seat.replica == 0


def make_plan(
    settings: Settings, backends: Mapping[str, Backend], suites: Mapping[str, Suite]
) -> Plan:
    """Return the plan for the settings.

    Raises
    ------
    UsageError
        If a name is unknown (near matches are listed), or nothing is selected.
    """
    usual = [name for name in USUAL_BACKENDS if name in backends] or list(backends)
    if settings.preset == MUSEUM:
        usual = every_on_cpu(backends)
    chosen = choose_backends(settings.backends or usual, backends)
    if not chosen:
        raise UsageError("no backend is registered; install a plugin or name one with --plugin")
    cases, problems = collect_cases(settings, suites)
    return Plan(tuple(chosen), _asked_of(chosen, cases), problems)


def _asked_of(backends: Sequence[Backend], cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return the cases that one of the backends at least is asked."""
    found = tuple(c for c in cases if not all(c.refusal(b.device) for b in backends))
    if not found:
        wanted = ", ".join(dict.fromkeys(d for c in cases for d in c.devices))
        raise UsageError(f"backends: none of a device that the cases are asked of ({wanted})")
    return found


def every_on_cpu(backends: Mapping[str, Backend]) -> list[str]:
    """Return all that compute on the processor, in order of release; the reference first."""
    there = [b for b in backends.values() if b.device == "cpu"]
    there.sort(key=lambda b: (b.name != USUAL_BACKENDS[0], b.released or "9999", b.name))
    return [b.name for b in there]


def collect_cases(
    settings: Settings, suites: Mapping[str, Suite]
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """Return the selected cases, and the problems of suites that failed.

    Raises
    ------
    UsageError
        If a suite is unknown, or no case is left.
    """
    chosen = choose("suite", settings.suites or suites, suites)
    found: dict[str, Case] = {}
    problems = []
    for name in chosen:
        try:
            for case in suites[name].of(settings.preset):
                if case.id in found:
                    problems.append(f"suite {name}: case {case.id} twice; the first is used")
                found.setdefault(case.id, case)
        except Exception as error:  # a stranger's generator: named, and survived
            problems.append(f"suite {name}: {type(error).__name__}: {error}")
    ids = match(settings.cases, found)
    if not ids:
        reasons = "".join(f"; {p}" for p in problems) or _elsewhere(suites[n] for n in chosen)
        raise UsageError(f"no cases in preset {settings.preset} of {', '.join(chosen)}{reasons}")
    seeded = (replace(found[i], seed=found[i].seed + settings.seed) for i in ids)
    return tuple(seeded), tuple(problems)


def _elsewhere(suites: Iterable[Suite]) -> str:
    """Say in which preset suites that have nothing in this one have cases."""
    known = list(suites)
    found = next((p for p in EVERY_PRESET if any(any(True for _ in s.of(p)) for s in known)), None)
    return f"; --preset {found} has some" if found else ""


def choose_backends(names: Iterable[str], registered: Mapping[str, Backend]) -> list[Backend]:
    """Return the backends of the names, which may be those of variants: ``jax==0.9.*``.

    Raises
    ------
    UsageError
        If a name is unknown, or it is no variant's.
    """
    parted = [variants.parted(name) for name in dict.fromkeys(names)]
    choose("backend", [name for name, _ in parted], registered)
    return [
        variants.variant(registered[name], specifier) if specifier else registered[name]
        for name, specifier in parted
    ]


def choose(kind: str, names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names without repetitions, or raise `UsageError` for one we do not have."""
    there = list(known)
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in there:
            raise UsageError(
                f"{kind}: no {name!r}{near(name, there)}; there are {', '.join(sorted(there))}"
            )
    return chosen


def match(globs: Sequence[str], ids: Iterable[str]) -> list[str]:
    """Return the ids that match any of the globs, in order; all without globs.

    Raises
    ------
    UsageError
        If a glob matches nothing.
    """
    there = list(ids)
    for glob in globs:
        if there and not any(fnmatchcase(i, glob) for i in there):
            raise UsageError(
                f"cases: nothing matches {glob!r}{near(glob, there)}; "
                "`bakeoff list cases` shows all ids"
            )
    return [i for i in there if not globs or any(fnmatchcase(i, g) for g in globs)]


def near(name: str, there: Sequence[str]) -> str:
    """Return ", did you mean …?", or nothing if nothing is near."""
    close = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    return f", did you mean {' or '.join(close)}?" if close else ""
