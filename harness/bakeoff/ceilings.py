"""Ceilings: what the machine does at most, as measured in the same run, and who is above them.

Each worker measures them by `bakeoff_worker.ceilings` on its own threads and clock. A ceiling
is the best that was seen: noise only lowers a rate. How near a time comes to the ceiling that
binds it says what there is left to gain; a time that no honest computation on this machine can
have is `implausible`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from math import inf
from typing import Any, Literal, NamedTuple, Self

from bakeoff.floors import Demand, least
from bakeoff.statistics import Clock
from bakeoff_worker.program import Program

META = "ceilings"  # where a journal's ``meta`` has them
Kind = Literal["arithmetic", "memory", "call"]

# How far above a ceiling a time may seem to be, and still be believed. On a machine that others
# use, five honest toolkits measured 87 to 102 GFLOP/s, and products that stay in the first cache
# came to 104. Reading alone goes up to twice as fast as copying, whose written lines are fetched
# first.
ALLOWANCE: Mapping[Kind, float] = {"arithmetic": 1.25, "memory": 2.0, "call": 1.25}

# Products of a dtype may be computed in these, without being less precise.
_AS_PRECISE = {
    "bfloat16": ("bfloat16", "float16", "float32", "float64"),
    "float16": ("float16", "float32", "float64"),
    "float32": ("float32", "float64"),
    "float64": ("float64",),
}


class Use(NamedTuple):
    """How much of the ceiling that binds a time reaches: 1.0 is all of it."""

    fraction: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What was measured on one machine, with one number of threads and by one clock.

    Attributes
    ----------
    gemm
        Operations per second of a matrix product, by dtype.
    copy
        Pairs of a working set in bytes, and the bytes read plus written per second in it by
        one thread; ascending. Of the memory that the backend computes in; empty if not measured.
    call_ns
        One turn of the timed loop around nothing. 0 if unknown.
    clock
        By which it was measured; times are set against it by the same. Never a device's own,
        on which what is not seen may have been done before.
    """

    gemm: Mapping[str, float] = field(default_factory=dict)
    copy: tuple[tuple[int, float], ...] = ()
    call_ns: float = 0.0
    clock: Clock = "wall"

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable data; `from_json` is its inverse."""
        return {
            "gemm": dict(self.gemm),
            "copy": [list(pair) for pair in self.copy],
            "call_ns": self.call_ns,
            "clock": self.clock,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            {str(d): float(r) for d, r in data["gemm"].items()},
            tuple((int(size), float(rate)) for size, rate in data["copy"]),
            float(data["call_ns"]),
            data["clock"],
        )

    def product_rate(self, dtype: str) -> float:
        """Return the best rate at which products of a dtype may be computed; inf if unknown."""
        if dtype not in self.gemm:
            return inf
        return max(self.gemm.get(d, 0.0) for d in _AS_PRECISE[dtype])

    def copy_rate(self, working_set: int) -> float:
        """Return the best rate of moving bytes, from the next smaller working set measured on."""
        below = max((size for size, _ in self.copy if size <= working_set), default=None)
        return inf if below is None else max(rate for size, rate in self.copy if size >= below)

    def least_ns(self, demand: Demand, threads: int = 1) -> dict[Kind, float]:
        """Return the least time that each ceiling allows, in nanoseconds."""
        products = sum(work / self.product_rate(d) for d, work in demand.products.items())
        # each thread has a level of cache to itself, and shares the memory: at most so many times
        memory = demand.bytes / (threads * self.copy_rate(demand.bytes))
        return {"arithmetic": 1e9 * products, "memory": 1e9 * memory, "call": self.call_ns}

    def least_believable_ns(self, demand: Demand, threads: int = 1) -> float:
        """Return the least time of an honest computation; less is `implausible`."""
        limits = self.least_ns(demand, threads)
        return max(limit / ALLOWANCE[kind] for kind, limit in limits.items())

    def in_words(self, kind: Kind, demand: Demand) -> str:
        """Return what a ceiling is: ``float32 GEMM 95 GFLOP/s``."""
        if kind == "arithmetic":
            dtype = max(demand.products, key=lambda d: demand.products[d])
            return f"{dtype} GEMM {self.product_rate(dtype) / 1e9:.3g} GFLOP/s"
        if kind == "memory":
            return f"copying {self.copy_rate(demand.bytes) / 1e9:.3g} GB/s"
        return f"a call of nothing {self.call_ns:.3g} ns"


def in_journal(meta: Mapping[str, Any]) -> dict[str, Ceilings]:
    """Return the ceilings of a run by backend; none if it is from before they were measured."""
    return {name: Ceilings.from_json(data) for name, data in meta.get(META, {}).items()}


def best(*measured: Ceilings) -> Ceilings:
    """Return the highest of each ceiling over measurements by one clock."""
    return reduce(_better, measured, Ceilings())


def _better(a: Ceilings, b: Ceilings) -> Ceilings:
    copies = sorted({*dict(a.copy), *dict(b.copy)})
    calls = [c.call_ns for c in (a, b) if c.call_ns]
    return Ceilings(
        {d: max(a.gemm.get(d, 0.0), b.gemm.get(d, 0.0)) for d in sorted({*a.gemm, *b.gemm})},
        tuple((s, max(dict(a.copy).get(s, 0.0), dict(b.copy).get(s, 0.0))) for s in copies),
        min(calls, default=0.0),
        b.clock,
    )


def pooled(own: Ceilings, others: Iterable[Ceilings]) -> Ceilings:
    """Return a backend's ceilings, raised to what others reached on the same device.

    A dtype whose products it did not measure itself stays unknown: it may be another's in name
    only.
    """
    found = best(own, *others)
    gemm = {d: rate for d, rate in found.gemm.items() if d in own.gemm}
    return replace(found, gemm=gemm, clock=own.clock)


def utilisation(demand: Demand, time_ns: float, ceilings: Ceilings, threads: int = 1) -> Use | None:
    """Return how much of the ceiling that binds a call reaches; None if none is known.

    With the `bakeoff.floors.conventional` demand, a faster algorithm may reach more than 1.
    """
    limits = ceilings.least_ns(demand, threads)
    kind = max(limits, key=lambda k: limits[k])
    return Use(limits[kind] / time_ns, kind) if limits[kind] > 0 and time_ns > 0 else None


def implausible(program: Program, time_ns: float, ceilings: Ceilings, threads: int = 1) -> str:
    """Return by how much a time is above a ceiling, in words; empty if it can be believed.

    The work is what no implementation can do without, and each ceiling has its `ALLOWANCE`.
    """
    demand = least(program)
    for kind, limit in ceilings.least_ns(demand, threads).items():
        if limit > ALLOWANCE[kind] * time_ns:
            percent = 100 * limit / time_ns if time_ns > 0 else inf
            return (
                f"{percent:,.0f} % of the {kind} ceiling "
                f"({ceilings.in_words(kind, demand)}, measured in this run)"
            )
    return ""
