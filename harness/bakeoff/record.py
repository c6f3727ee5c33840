"""What is known of a cell after it ran: one record per cell and process round."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """How a cell ended. The order is from good to bad and is that of reports."""

    OK = "ok"
    MISMATCH = "mismatch"
    CONTENDED = "contended"
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"
    ERROR = "error"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"

    @property
    def measured(self) -> bool:
        """Whether the cell ran to its end, so that it has figures."""
        return self in (Outcome.OK, Outcome.MISMATCH, Outcome.CONTENDED)


@dataclass(frozen=True, slots=True)
class Block:
    """One timed block: ``loops`` calls, then a synchronisation.

    ``position`` is the block's place in the round's interleaved order over backends.
    ``involuntary`` counts involuntary context switches of the worker; ``rss_bytes`` is its
    resident memory after the block, 0 where that is not known. ``wall_ns`` is the end-to-end
    view of the calls; ``device_ns`` the hot one, by a device's own events, None where there are
    none (`bakeoff_worker.device` has the words). Of blocks that another program timed,
    ``cpu_ns`` and ``involuntary`` are NaN: not known.
    """

    position: int
    loops: int
    wall_ns: int
    cpu_ns: float
    involuntary: float
    rss_bytes: int = 0
    device_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One output compared with the oracle. It passes when ``fraction`` ≤ 1.

    ``error`` and ``bound`` are absolute, at the element where error/bound is greatest;
    ``ulp_max`` and ``ulp_p99`` are in units of the case's dtype, None where not asked.
    ``usual`` is the error of a sum of random terms as a multiple of what it keeps to in
    practice: above 1, precision is not what the dtype says (`bakeoff.bounds`).
    """

    output: str
    kind: str
    error: float
    bound: float
    fraction: float
    ulp_max: float | None = None
    ulp_p99: float | None = None
    usual: float | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        return self.fraction <= 1.0


@dataclass(frozen=True, slots=True)
class Record:
    """A cell in one process round.

    Attributes
    ----------
    case_id, backend, replica, round
        The cell; ``replica`` 1 is the reference backend's twin, for the noise floor.
    outcome, reason
        How it ended, and why if not well.
    checks
        None if correctness was not examined in this round.
    figures
        Single numbers with their unit in the name: ``transfer_ns``, ``compile_ns``,
        ``first_call_ns``, ``peak_rss_bytes`` (of the program if ``peak_is_of_program``),
        ``device_peak_bytes``, ``launches_per_step`` (of a device's kernels), ``steal_ns`` and
        ``frequency_mhz`` (of the processors meanwhile), ``time_to_target_ns``, ``accuracy``,
        ``cold_ns`` (the median of the series) with ``cold_p10_ns`` and ``cold_p90_ns`` …
    series
        Numbers over steps or epochs: ``losses``, ``oracle_losses``, ``loss_envelope``,
        ``accuracy``; over test rows: ``predictions``, ``labels``; ``norms`` of each output and
        gradient of a gradient program (Euclidean); over calls: ``cold_ns``, the device time of
        single calls with a cold cache.
    blocks
        The timed samples.
    environment_id
        Of the worker's environment, described once in the journal.
    log
        The tail of what the worker printed, if it ended badly.
    started, elapsed_s
        ISO 8601 in UTC; seconds.
    digests
        Of the first call's results, and of later calls' on the same inputs
        (`bakeoff.bits`); in training, of the first loss and the parameters after one step.
    """

    case_id: str
    backend: str
    replica: int
    round: int
    outcome: Outcome
    reason: str = ""
    checks: tuple[Check, ...] | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    environment_id: str = ""
    log: str = ""
    started: str = ""
    elapsed_s: float = 0.0
    digests: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable data; `from_json` is its inverse."""
        data = asdict(self)
        data["outcome"] = self.outcome.value
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        checks = data["checks"]
        return cls(
            **{
                **data,
                "outcome": Outcome(data["outcome"]),
                "checks": None if checks is None else tuple(Check(**c) for c in checks),
                "series": {k: tuple(v) for k, v in data["series"].items()},
                "blocks": tuple(Block(**b) for b in data["blocks"]),
                "digests": tuple(data.get("digests", ())),
            }
        )
