"""What may be claimed of many ratios at once.

A run compares every cell of every backend with the reference: a hundred intervals of 95 %
hold five that miss by chance. `faster` and `slower` are therefore claimed for the whole
family together (Holm): the chance that any of them is false is at most 5 %. `same` and
`cannot tell` claim no difference, and are read off the cell's own interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from bakeoff.statistics import (
    CONFIDENCE,
    MINIMUM_EFFECT,
    Contrast,
    Interval,
    Verdict,
    holm,
    verdict,
)

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of one ratio.

    Attributes
    ----------
    interval
        Its own, of 95 %: not adjusted.
    verdict
        Held for the family.
    p_value
        That the times differ by no more than the margin, adjusted; None if not tested.
    reason
        Why the verdict is `cannot tell`, if it is.
    """

    interval: Interval
    verdict: Verdict
    p_value: float | None = None
    reason: str = ""


def claims(contrasts: Mapping[K, Contrast], margin: float = MINIMUM_EFFECT) -> dict[K, Claim]:
    """Return a claim for each contrast of the family.

    Those of a single round are no members: nothing can be claimed of them.
    """
    tested = [key for key, contrast in contrasts.items() if contrast.df]
    adjusted = holm([contrasts[key].p_value(margin) for key in tested])
    p_values = dict(zip(tested, adjusted, strict=True))
    return {
        key: _claim(contrast.interval(), p_values.get(key), margin, len(tested))
        for key, contrast in contrasts.items()
    }


def _claim(own: Interval, p_value: float | None, margin: float, family: int) -> Claim:
    if p_value is None:
        return Claim(own, Verdict.CANNOT_TELL, None, "a single process round shows no spread")
    said, why = verdict(own, margin), ""
    if said in (Verdict.FASTER, Verdict.SLOWER) and p_value >= 1 - CONFIDENCE:
        said = Verdict.CANNOT_TELL
        why = f"beyond the margin by itself, but not sure enough among {family} cells"
    elif said is Verdict.CANNOT_TELL:
        why = "the interval straddles the margin"
    return Claim(own, said, p_value, why)
