"""Cases: a workload with fixed sizes, dtype and seed, and what is asked of it. All data."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bakeoff_worker.program import Program

Preset = Literal["smoke", "quick", "standard", "full", "museum"]
PRESETS: tuple[Preset, ...] = ("smoke", "quick", "standard", "full")  # each holds the one before
MUSEUM: Preset = "museum"  # few cases, on every toolkit there is
EVERY_PRESET = (*PRESETS, MUSEUM)


@dataclass(frozen=True, slots=True)
class Draw:
    """How one input is made, from the case's seed; see `bakeoff.inputs` for the kinds."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.params}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Draw":
        return cls(data["kind"], {k: v for k, v in data.items() if k != "kind"})


def draw(kind: str, **params: Any) -> Draw:
    """Return a `Draw`: ``draw("normal", scale=0.1)``."""
    return Draw(kind, params)


@dataclass(frozen=True, slots=True)
class Stage:
    """Training that comes before a fit, on all rows but without their labels: pre-training.

    ``program`` trains some of the case's parameters; its data input is ``x``, a batch of rows.
    """

    program: Program
    epochs: int

    @property
    def batch_size(self) -> int:
        return next(v.shape[0] for v in self.program.data_inputs)

    def to_json(self) -> dict[str, Any]:
        return {"program": self.program.to_json(), "epochs": self.epochs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Stage":
        return cls(Program.from_json(data["program"]), data["epochs"])


@dataclass(frozen=True, slots=True)
class Fit:
    """Training to a stated accuracy, from the case's parameters, in a fixed batch order.

    ``predict`` is a forward program whose inputs are the parameters and then ``x`` (a
    batch of test rows) and whose output is the logits. ``rounds`` is in how many process
    rounds it is trained at the most: a training takes seconds.

    Without a ``target_accuracy`` all epochs are trained. Only ``labelled`` rows, some that the
    order's seed chooses, are trained on, if that is given. The stages ``before`` pass their
    parameters on by name, to the next and to the fit.
    """

    predict: Program
    dataset: str
    batch_size: int
    epochs: int
    target_accuracy: float | None
    order_seed: int = 0
    rounds: int = 5
    labelled: int | None = None
    before: tuple[Stage, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "predict": self.predict.to_json(),
            "dataset": self.dataset,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "target_accuracy": self.target_accuracy,
            "order_seed": self.order_seed,
            "rounds": self.rounds,
            "labelled": self.labelled,
            "before": [stage.to_json() for stage in self.before],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Fit":
        return cls(
            **{
                **data,
                "predict": Program.from_json(data["predict"]),
                "before": tuple(Stage.from_json(s) for s in data.get("before", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to run on every backend.

    Attributes
    ----------
    suite, name
        ``f"{suite}/{name}"`` is unique.
    program
        The traced workload and what is asked of it.
    inputs
        How each input of the program is made. For a training program the data inputs
        are drawn with a leading axis of length ``batches``.
    dtype
        The floating-point dtype under test.
    includes
        In words: what the timed figure includes. It is the same on every backend.
    steps, batches
        Training: steps compared with the oracle; resident batches, used in turn.
    fit
        Training to an accuracy, if that is asked.
    timed
        False: only correctness is asked.
    devices
        The devices whose backends are asked, in the words of `Backend.device`; empty: all. What
        takes a GPU milliseconds may take a processor minutes.
    tags
        Coordinates for figures and tables: ``{"n": 512, "pass": "forward"}``.
    """

    suite: str
    name: str
    program: Program
    inputs: Mapping[str, Draw]
    dtype: str
    seed: int = 0
    title: str = ""
    includes: str = ""
    steps: int = 0
    batches: int = 1
    fit: Fit | None = None
    timed: bool = True
    devices: tuple[str, ...] = ()
    tags: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The case's unique name: ``"matmul/square-float32-64"``."""
        return f"{self.suite}/{self.name}"

    def refusal(self, device: str) -> str:
        """Return why backends of a device are not asked; empty if they are."""
        if not self.devices or device in self.devices:
            return ""
        return f"asked of {' and '.join(self.devices)} only: too large for {device}"

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable data; `from_json` is its inverse."""
        return {
            "suite": self.suite,
            "name": self.name,
            "program": self.program.to_json(),
            "inputs": {k: v.to_json() for k, v in self.inputs.items()},
            "dtype": self.dtype,
            "seed": self.seed,
            "title": self.title,
            "includes": self.includes,
            "steps": self.steps,
            "batches": self.batches,
            "fit": self.fit.to_json() if self.fit else None,
            "timed": self.timed,
            "devices": list(self.devices),
            "tags": dict(self.tags),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Case":
        return cls(
            **{
                **data,
                "program": Program.from_json(data["program"]),
                "inputs": {k: Draw.from_json(v) for k, v in data["inputs"].items()},
                "fit": Fit.from_json(data["fit"]) if data["fit"] else None,
                "devices": tuple(data.get("devices", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class Suite:
    """A named source of cases.

    Attributes
    ----------
    cases
        ``cases(preset)`` yields those of one of `PRESETS`.
    museum
        Yields what is shown of every toolkit, old ones too: few, and small. Nothing unless
        the suite says so.
    """

    name: str
    title: str
    summary: str
    cases: Callable[[Preset], Iterable[Case]]
    museum: Callable[[], Iterable[Case]] = tuple

    def of(self, preset: Preset) -> Iterable[Case]:
        """Return the cases of any of `EVERY_PRESET`."""
        return self.museum() if preset == MUSEUM else self.cases(preset)
