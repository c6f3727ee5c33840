"""What the oracle knows of a case: the values to be met, and how near they must be met."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def kept_steps(steps: int) -> tuple[int, ...]:
    """Return after which of a training's steps its parameters are compared: 1, 10, the last."""
    return tuple(s for s in (1, 10, steps) if s <= steps)


@dataclass(frozen=True, slots=True)
class Part:
    """One output or gradient.

    Attributes
    ----------
    name
        ``"y"``, ``"grad w"``.
    dtype
        The dtype that results must have, by name.
    kind
        The kind of bound (`bakeoff.bounds`).
    expected
        In float64; where the dtype cannot hold so large a value, infinite. Integers and
        booleans as they are.
    bound
        Per element; infinite where rounding may decide otherwise than the oracle.
    terms
        The length of the longest sum on the way to it.
    walk
        Per element, what the error keeps to in practice if the terms are random; known of
        sums of products in float32 and float64 (`bakeoff.bounds.balls.random_walk`).
    """

    name: str
    dtype: str
    kind: str
    expected: Array
    bound: Array
    terms: int = 1
    walk: Array | None = None

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (self.expected, self.bound, self.walk) if a is not None)


@dataclass(frozen=True, slots=True)
class CallTruth:
    """Outputs, then gradients, of a forward or gradient program.

    ``doubt`` says why the oracle itself is not to be trusted, if so: the reference engine
    and the evaluation in ball arithmetic, which share no code, disagree.
    """

    parts: tuple[Part, ...]
    doubt: str = ""

    @property
    def nbytes(self) -> int:
        return sum(p.nbytes for p in self.parts)


@dataclass(frozen=True, slots=True)
class TrainingTruth:
    """A training run in float64, and how far rounding may lead from it.

    Attributes
    ----------
    losses, loss_envelope
        Per step.
    params, param_envelope
        By the number of steps done: the parameters, and for each the largest deviation
        allowed to any of its elements.
    """

    losses: Array
    loss_envelope: Array
    params: dict[int, list[Array]] = field(default_factory=dict)
    param_envelope: dict[int, list[float]] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for arrays in self.params.values() for a in arrays)


@dataclass(frozen=True, slots=True)
class FitTruth:
    """Training to an accuracy, in float64, over the same batches.

    ``losses`` are those of the first steps, in order, ``epoch_losses`` the means over each
    epoch run; ``accuracy`` is that after the last epoch, of ``test_rows`` rows.
    """

    losses: Array
    loss_envelope: Array
    accuracy: float
    test_rows: int
    epoch_losses: tuple[float, ...] = ()

    @property
    def nbytes(self) -> int:
        return self.losses.nbytes


Truth = CallTruth | TrainingTruth | FitTruth
