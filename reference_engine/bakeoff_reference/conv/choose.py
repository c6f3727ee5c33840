"""Which strategy computes a pass of a convolution: a rule by its sizes, fit to measurements.

`RULES` is read from the top: the first strategy whose condition holds. What the conditions say
was measured with ``benchmarks/convolutions.py``, which prints every strategy beside the chosen.
Winograd's F(4, 3) is in no rule: its transforms cost NumPy more than its products save. A plan
that tries all strategies tries it too where the tolerance allows.
"""

from collections.abc import Callable

from bakeoff_reference.conv.settings import ConvSettings
from bakeoff_reference.conv.strategies import STRATEGIES, Pass, Problem, Strategy

Rule = tuple[str, Callable[[Problem], bool]]


def _always(p: Problem) -> bool:
    return True


def _depthwise(p: Problem) -> bool:
    """Groups are many; one image of few channels is better off with a matrix product."""
    return p.geo.groups > 1 and p.filters <= 4


def _wide(channels: int) -> Callable[[Problem], bool]:
    """Matrix products outweigh the transforms, which Winograd adds to them."""
    return lambda p: min(p.channels, p.filters) >= channels and min(p.geo.out) >= 8


def _narrow(p: Problem) -> bool:
    """Many filters read few channels: columns of the input are smaller than the cotangent's."""
    return p.channels * 4 <= p.filters


def _volume(p: Problem) -> bool:
    """Many filter elements: columns would be many times the input."""
    return len(p.geo.kernel) == 3 and p.geo.kernel[0] > 1


RULES: dict[Pass, tuple[Rule, ...]] = {
    "forward": (
        ("pointwise", _always),
        ("channelwise", _depthwise),
        ("winograd2", _wide(48)),
        ("overlapping", _volume),
        ("blocked", _always),
    ),
    "filter_grad": (
        ("pointwise", _always),
        ("channelwise", _depthwise),
        ("winograd2", _wide(96)),
        ("overlapping", _volume),
        ("blocked", _always),
    ),
    "input_grad": (
        ("pointwise", _always),
        ("col2im", _narrow),
        ("adjoint", _always),
        ("col2im", _always),
    ),
}


def offered(which: Pass, problem: Problem, settings: ConvSettings) -> dict[str, Strategy]:
    """Return the strategies that can compute a pass and keep to the settings, by name."""
    return {
        s.name: s
        for s in STRATEGIES.values()
        if s.offers(which)
        and s.applies(problem)
        and (s.error <= settings.tolerance or s.name == settings.strategy)
        and (s.small or not settings.memory or s.name == settings.strategy)
    }


def choose(which: Pass, problem: Problem, settings: ConvSettings) -> Strategy:
    """Return the strategy for one pass: the one that was asked for, or the rule's."""
    given = offered(which, problem, settings)
    if settings.strategy in given:
        return given[settings.strategy]
    if settings.strategy and "adjoint" in given:  # whose convolutions are what was asked for
        return given["adjoint"]
    return next(given[name] for name, holds in RULES[which] if name in given and holds(problem))
