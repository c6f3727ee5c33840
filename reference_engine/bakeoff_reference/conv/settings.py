"""What a caller may ask of convolutions: an engine's setting, not an op's argument."""

from dataclasses import dataclass

TOLERANCE = 2e-6
"""The largest error, over the largest result, that strategies may have unasked."""


NAMES = (
    *("im2col", "blocked", "col2im", "adjoint", "pointwise", "overlapping", "channelwise"),
    *("winograd2", "winograd4"),
)
"""The strategies of `bakeoff_reference.conv.strategies.STRATEGIES`."""


@dataclass(frozen=True, slots=True)
class ConvSettings:
    """How an engine computes convolutions in float32. In float64 they are columns, always.

    Attributes
    ----------
    strategy
        The name of a strategy that is used wherever it applies, and whatever its error; empty:
        chosen by shape.
    tolerance
        The error that is accepted, over the largest result. Winograd's F(4, 3) needs 2e-5, and
        is then among what a plan tries.
    memory
        Whether a small workspace matters more than speed.
    autotune
        Whether a plan measures all strategies when it is built, and keeps the fastest.
    """

    strategy: str = ""
    tolerance: float = TOLERANCE
    memory: bool = False
    autotune: bool = False

    def __post_init__(self) -> None:
        if self.strategy and self.strategy not in NAMES:
            raise ValueError(
                f"conv: strategy {self.strategy!r}, expected one of {', '.join(NAMES)}"
            )
        if not self.tolerance >= TOLERANCE:
            raise ValueError(f"conv: tolerance {self.tolerance!r}, expected at least {TOLERANCE}")

    @property
    def workspace_bytes(self) -> int:
        """How much a strategy may fill at a time, if one image needs no more."""
        return 2**19 if self.memory else 2**20


DEFAULT = ConvSettings()
