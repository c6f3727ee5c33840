"""The table: our step, convolutions and products beside those of the others.

Measured by bakeoff's own run: blocks of all backends in turn, rounds of fresh processes, every
result held against the float64 oracle first; data resident on the device in all, and TF32 off but
in the race that names it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from judged import Row, row
from measured import measured, ranking

from bakeoff import statistics
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend
from bakeoff.plugins import load
from bakeoff.ranking import Ranking
from bakeoff.record import Outcome
from bakeoff.runner import Provide
from bakeoff.settings import Settings
from bakeoff.timing import Pace

STEP = "two_layer/784-128-10-float32-batch64-adam-step"
OURS, OURS_K = "cupy-graph", "cupy-graph-steps"
TORCH = "torch-cuda"


@dataclass(frozen=True, slots=True)
class Race:
    """``new`` must be at least ``gate`` times as fast as ``base``."""

    what: str
    case: str
    new: str
    base: str
    gate: float


def _against_cudnn() -> Iterator[Race]:
    for layer in ("middle", "deep", "pointwise"):
        for ask in ("forward", "grad-input", "grad-filter"):
            case = f"conv/conv2d-{layer}-float32-{ask}"
            yield Race(f"{layer}, {ask}, vs torch's cuDNN", case, "cupy", TORCH, 1 / 1.05)


RACES = (
    Race("step vs torch eager, fused Adam", STEP, OURS, TORCH, 8),
    Race("step vs torch.compile, reduce-overhead", STEP, OURS, "torch-cuda-reduce-overhead", 3),
    Race("step vs JAX jit", STEP, OURS, "jax-cuda", 2),
    Race("step vs torch's step in one CUDA graph", STEP, OURS, "torch-cuda-graph", 1.2),
    Race("K steps per graph vs JAX lax.scan", STEP, OURS_K, "jax-cuda-scan", 1),
    *_against_cudnn(),
    *(Race(f"product, {dtype}, {n}, vs torch", f"matmul/square-{dtype}-{n}-forward", "cupy", TORCH,
           1 / 1.02) for dtype, n in (("float32", 2048), ("float32", 4096), ("float16", 4096))),
    Race("product, TF32, 2048, vs torch", "matmul/square-float32-2048-forward", "cupy-tf32",
         "torch-cuda-tf32", 1 / 1.02),
)  # fmt: skip
PACE = Pace(budget_s=150, rounds=6, sweeps=6, block_ns=5_000_000, timeout_s=90)
SHARES = {
    "two_layer": 0.6,
    "conv": 0.3,
    "matmul": 0.1,
}  # of the budget: most backends, and compilers


def rows(provide: Provide, races: Sequence[Race] = RACES, pace: Pace = PACE) -> Iterator[Row]:
    """Yield a row per race, suite by suite as they are measured."""
    registered = load().backends
    for suite in dict.fromkeys(r.case.partition("/")[0] for r in races):
        its = [r for r in races if r.case.startswith(f"{suite}/")]
        yield from raced(its, suite, registered, provide, pace)


def raced(
    races: Sequence[Race], suite: str, registered: Mapping[str, Backend], provide: Provide,
    pace: Pace,
) -> Iterator[Row]:  # fmt: skip
    """Yield the races of a suite; only backends that are there are measured."""
    wanted = dict.fromkeys(b for r in races for b in (r.new, r.base))
    lacking = {b: why for b in wanted if (why := _why_not(b, registered, provide))}
    ready = [r for r in races if not {r.new, r.base} & lacking.keys()]
    backends = tuple(dict.fromkeys(b for r in ready for b in (r.new, r.base)))
    cases = tuple(dict.fromkeys(r.case for r in ready))
    found = _ranking(suite, cases, backends, provide, pace) if ready else None
    for race in races:
        if found is not None and race in ready:
            yield judged(race, found)
        else:
            status, why = next(lacking[b] for b in (race.new, race.base) if b in lacking)
            yield row(race.what, status, why)


def _why_not(
    name: str, registered: Mapping[str, Backend], provide: Provide
) -> tuple[str, str] | None:
    """Return status and reason of a backend that cannot be measured."""
    if name not in registered:
        return "not built", f"no backend {name}"
    try:
        provide(registered[name], lambda text: None)
    except EnvironmentFailure as failure:
        return "not available", str(failure)
    return None


def _ranking(
    suite: str, cases: tuple[str, ...], backends: tuple[str, ...], provide: Provide, pace: Pace
) -> Ranking:
    loaded = load()
    settings = Settings(
        preset="full", suites=(suite,), cases=cases, backends=backends, half_width=0.0,
        max_time_s=SHARES[suite] * pace.budget_s if pace.budget_s else None,
    )  # fmt: skip
    with measured(settings, pace, loaded.backends, loaded.suites, provide) as journal:
        return ranking(journal)


def judged(race: Race, ranking: Ranking) -> Row:
    """Return medians side by side with the ratio's interval, and whether the gate is passed."""
    for backend in (race.new, race.base):
        outcome = ranking.outcome(race.case, backend)
        if outcome is not Outcome.OK:
            reason = next((r.reason for r in ranking.records(race.case, backend) if r.reason), "")
            return row(race.what, STATUS_OF.get(outcome, "error"), f"{backend}: {outcome} {reason}")
    settings = ranking.settings
    unlike = settings[race.new].unlike(settings[race.base], race.base)
    if unlike:
        return row(race.what, "error", f"not comparable: {race.new} has {unlike}")
    clock = settings[race.new].clock_with(settings[race.base])
    new, base = (ranking.times(race.case, b, clock=clock) for b in (race.new, race.base))
    interval = statistics.interval(statistics.log_ratios(base, new).values())
    if interval is None:
        return row(race.what, "error", "no round measured both")
    medians = [f"{b} {_microseconds(t)}" for b, t in ((race.new, new), (race.base, base))]
    found = (
        f"{'; '.join(medians)}; {interval.ratio:.3g} times as fast ({interval.low:.3g} to "
        f"{interval.high:.3g}), expected {race.gate:.3g}; by the {CLOCKS[clock]}"
    )
    return row(race.what, "ok" if interval.ratio >= race.gate else "fail", found, case=race.case,
               ratio=interval.ratio, low=interval.low, high=interval.high, gate=race.gate,
               clock=clock, times_ns={race.new: new, race.base: base})  # fmt: skip


STATUS_OF = {
    Outcome.UNAVAILABLE: "not available",
    Outcome.UNSUPPORTED: "not built",
    Outcome.CONTENDED: "not available",  # the machine, quiet enough to measure on
    Outcome.MISMATCH: "fail",
    Outcome.CRASHED: "lost",
    Outcome.TIMEOUT: "timeout",
}
CLOCKS = {"device": "device's events", "wall": "host's clock, end to end", "cpu": "CPU time"}


def _microseconds(times_ns: Mapping[int, float]) -> str:
    taken = sorted(t / 1e3 for t in times_ns.values())
    return f"{median(taken):.4g} µs ({taken[0]:.4g} to {taken[-1]:.4g})"
