"""What a run was asked for; stored in its journal, so that it can be resumed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Any, Self

from bakeoff.case import EVERY_PRESET, Preset
from bakeoff.errors import UsageError
from bakeoff.timing import PACES, Pace


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `bakeoff run` that decide what is measured.

    Attributes
    ----------
    preset
        How many cases, and for how long.
    backends
        Names, the first of which is the reference; empty: the usual ones, or all that
        compute on the processor for the preset museum.
    suites
        Names; empty: all.
    cases
        Globs on case ids; empty: all.
    threads
        Of every backend alike. With one thread, workers are pinned to one core.
    seed
        Added to the seed of every case.
    in_place
        Use the running Python instead of an environment per backend.
    plugins
        Extra plugins, as files or module names.
    max_time_s
        Seconds of measuring, instead of the preset's.
    timeout_s
        Seconds after which a request to a worker counts as hung, instead of the preset's.
    half_width
        Of the intervals of ratios: what is known as well is measured no more, instead of the
        preset's. 0: every round is run.
    """

    preset: Preset = "quick"
    backends: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    threads: int = 1
    seed: int = 0
    in_place: bool = False
    plugins: tuple[str, ...] = ()
    max_time_s: float | None = None
    timeout_s: float | None = None
    half_width: float | None = None

    def __post_init__(self) -> None:
        if self.preset not in EVERY_PRESET:
            raise UsageError(f"preset {self.preset!r}, expected one of {', '.join(EVERY_PRESET)}")
        if self.threads < 1:
            raise UsageError(f"threads {self.threads}, expected 1 or more")
        half_width = self.half_width
        if half_width is not None and not (isfinite(half_width) and half_width >= 0):
            raise UsageError(
                f"half_width {half_width}, expected a number of at least 0, such as 0.02 for ±2 %"
            )
        for name in ("max_time_s", "timeout_s"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise UsageError(f"{name} {value}, expected a positive number of seconds")

    @property
    def pace(self) -> Pace:
        """How long to measure: the preset's, with what was asked otherwise."""
        pace = PACES[self.preset]
        if self.max_time_s is not None:
            pace = replace(pace, budget_s=self.max_time_s)
        if self.timeout_s is not None:
            pace = replace(pace, timeout_s=self.timeout_s)
        if self.half_width is not None:
            pace = replace(pace, half_width=self.half_width)
        return pace

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable data; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known
        }
        return cls(**values)
