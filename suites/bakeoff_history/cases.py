"""The cases of the suite `history`: five stories, each asked of every toolkit."""

from collections.abc import Iterator

from bakeoff.case import PRESETS, Case, Preset, Suite
from bakeoff_history.depth import KINDS, MORE_KINDS, gradients, trainings
from bakeoff_history.device import device_case
from bakeoff_history.memory import memory
from bakeoff_history.pretraining import pretraining


def cases(preset: Preset) -> Iterator[Case]:
    """Yield the cells of a preset: the story is told from `standard` on."""
    if PRESETS.index(preset) < PRESETS.index("standard"):
        return
    yield from memory()
    yield from gradients(KINDS)
    yield from trainings()
    yield from pretraining()
    yield device_case()
    if preset == "full":
        yield from gradients(MORE_KINDS)


SUITE = Suite(
    name="history",
    title="A history of deep learning",
    summary=(
        "What lectures tell of deep learning's winters, as experiments: one hidden layer learns "
        "random labels by heart; gradients vanish in deep networks of sigmoids and do not in "
        "networks of ReLUs; unlabelled images help where labels are few; a device is faster. The "
        "section *A history of deep learning* tells it in figures."
    ),
    cases=cases,
)
