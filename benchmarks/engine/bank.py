"""The times of the rows' cases: measured by bakeoff's own runs, as its journals hold them."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from measured import measured, ranking
from rows import DIRECT, FLOOR, PLAN, Ratio
from workloads import SUITE

from bakeoff import environments, statistics
from bakeoff.interface import Backend
from bakeoff.journal import Journal
from bakeoff.plugins import load
from bakeoff.progress import Silent
from bakeoff.ranking import Ranking
from bakeoff.record import Outcome
from bakeoff.seating import Provided
from bakeoff.settings import Settings
from bakeoff.statistics import Interval
from bakeoff.timing import Pace, clock_for

HERE = Path(__file__).parent
SWEEPS, BLOCK_NS, TIMEOUT_S = 4, 5_000_000, 120
BUDGET_S = 250  # of measuring, for each of the two suites: with the oracle less than ten minutes

# of glibc (mallopt): up to the largest size that it allows, and a gibibyte
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**30)}


class Told(Silent):
    """Says on standard error which round has begun."""

    def note(self, text: str) -> None:
        print(f"engine: {text}", file=sys.stderr)

    def stage(self, text: str) -> None:
        print(f"engine: {text}", file=sys.stderr)


@dataclass
class Bank:
    """What the runs found.

    Attributes
    ----------
    rankings
        By suite.
    noise
        By suite: what a backend differs from its own twin, in 95 of 100 pairs of processes.
    versions
        Of each backend's toolkit.
    threads
        Of every backend. One thread is judged by CPU time, several by the wall clock.
    """

    rankings: dict[str, Ranking] = field(default_factory=dict)
    noise: dict[str, float | None] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    threads: int = 1

    def interval(self, part: Ratio) -> Interval | str:
        """Return a part's ratio over process rounds, or why there is none."""
        new, base = (self._times(part, backend) for backend in (part.new, part.base))
        for side in (new, base):
            if isinstance(side, str):
                return side
        found = statistics.interval(statistics.log_ratios(new, base).values())
        return found or "in no process round did both take longer than without the pass"

    def _times(self, part: Ratio, backend: str) -> dict[int, float] | str:
        ranking = self.rankings[part.case.partition("/")[0]]
        if backend not in ranking.settings:
            return f"no backend {backend}"
        for case in part.cases:
            outcome = ranking.outcome(case, backend)
            if outcome is not Outcome.OK and (backend, outcome) != (FLOOR, Outcome.MISMATCH):
                reasons = [r.reason for r in ranking.records(case, backend) if r.reason]
                return f"{backend}: {outcome.replace('_', ' ')} {reasons[0] if reasons else ''}"
        clock = clock_for(self.threads, "cpu")
        own = ranking.times(part.case, backend, clock=clock)
        if not part.less:
            return own
        less = ranking.times(part.less, backend, clock=clock)
        return {r: own[r] - less[r] for r in own.keys() & less.keys()}


def collect(wanted: tuple[Ratio, ...], rounds: int, threads: int = 1) -> Bank:
    """Measure all cases of the ratios, suite by suite, in rounds of fresh processes."""
    bank = Bank(threads=threads)
    for suite in dict.fromkeys(part.case.partition("/")[0] for part in wanted):
        parts = [part for part in wanted if part.case.startswith(f"{suite}/")]
        _run(bank, suite, parts, rounds)
    return bank


def offered() -> dict[str, Backend]:
    """Return the registered backends, the floor, and the plan with exact convolutions.

    All have the C library keep memory that is freed (`KEEP`): else some calls of a toolkit fault
    the pages of its result anew, which took up to three times as long as the convolution.
    """
    backends = dict(load().backends)
    for name, title, adapter in (
        (FLOOR, "Matrix products alone", "floor_adapter.py:FloorAdapter"),
        (DIRECT, "NumPy (plan, exact convolutions)", "direct_adapter.py:DirectAdapter"),
    ):
        backends[name] = replace(
            backends[PLAN], name=name, title=title, adapter=f"{HERE}/{adapter}"
        )
    return {name: replace(b, env={**b.env, **KEEP}) for name, b in backends.items()}


def _run(bank: Bank, suite: str, parts: list[Ratio], rounds: int) -> None:
    there = offered()
    named = {part.new: None for part in parts} | {part.base: None for part in parts}
    backends = tuple(name for name in named if name in there)
    cases = tuple(dict.fromkeys(case for part in parts for case in part.cases))
    settings = Settings(
        preset="standard", backends=backends, suites=(suite,), cases=cases, half_width=0.0,
        threads=bank.threads,
    )  # fmt: skip
    pace = Pace(BUDGET_S, rounds, SWEEPS, BLOCK_NS, TIMEOUT_S)
    suites = {**load().suites, "engine": SUITE}
    with measured(settings, pace, there, suites, _provide, Told()) as journal:
        _keep(bank, suite, journal)


def _provide(backend: Backend, progress: Callable[[str], None]) -> Provided:
    found = environments.provide(backend, progress=progress)
    return Provided(str(found.python), {})


def _keep(bank: Bank, suite: str, journal: Journal) -> None:
    found, about = ranking(journal), journal.environments()
    bank.rankings[suite] = found
    bank.noise[suite] = statistics.noise_floor(found.twins())
    for record in journal.records():
        if record.environment_id:
            bank.versions.setdefault(record.backend, _version(about[record.environment_id]))


def _version(environment: Mapping[str, object]) -> str:
    hello = environment.get("hello")
    described = hello.get("describe", {}) if isinstance(hello, Mapping) else {}
    return f"{described.get('toolkit', '')} {described.get('version', '')}".strip()
