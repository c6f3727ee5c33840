"""The section on history: each story of the suite `history` as a figure and three sentences.

The lines are those of one backend, the reference if it has them: that the others came to the
same is what the oracle has judged, and the sentences say of how many it holds.
"""

import math
from collections.abc import Callable
from statistics import fmean

from bakeoff.case import Case
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import Block, Content, Figure, Heading, muted, paragraph
from bakeoff_reports.figures import Line
from bakeoff_reports.story_cases import agreement, cases_of, lines_of, over_steps, record_of
from bakeoff_reports.story_device import device
from bakeoff_reports.story_figures import Panel, story

CHANCE = math.log(10)


def history(analysis: Analysis) -> Content:
    """Tell the stories that the run has cases of; nothing if it has none."""
    blocks: list[Block] = []
    for title, tell in STORIES.items():
        told = tell(analysis)
        blocks += [Heading(title), *told] if told else []
    return blocks


def _memory(analysis: Analysis) -> list[Block]:
    """One hidden layer learns random labels by heart."""
    cases = cases_of(analysis, "memory")
    losses = lines_of(analysis, cases, "losses", _units)
    if not losses:
        return []
    rows = int(cases[0].tags["rows"])
    known = math.log(2) / rows
    panel = Panel(
        f"Loss on {rows} digits", "step", "mean cross-entropy",
        [over_steps(name, values) for name, values in losses.items()],
        {"below: every label is known": known}, log=True,
    )  # fmt: skip
    reached = {n: next((i + 1 for i, v in enumerate(s) if v < known), 0) for n, s in losses.items()}
    able = [f"{name} after {words.count(at, 'step')}" for name, at in reached.items() if at]
    unable = [name for name, at in reached.items() if not at]
    return [
        Figure(
            story([panel]),
            "One hidden layer, trained on labels thrown by dice; once on the true ones. Both the "
            "loss and the line at ln 2 / N, below which each of N labels must be the most "
            "probable, on a logarithmic scale.",
            "Steps to know every label: " + (", ".join(able) or "none did") + ".",
        ),
        paragraph(
            "Labels that dice have thrown hold nothing to be understood. And yet a hidden layer "
            f"wide enough knows every one: {words.listed(able) or 'here none'}"
            + (f"; not {words.listed(unable)}" if unable else "")
            + ". That is universality, and why a small loss in training says nothing of new "
            "images: those were learned by heart. ",
            muted(agreement(analysis, cases)),
        ),
    ]


def _units(case: Case) -> str:
    labels = "" if case.tags["labels"] == "random" else ", true labels"
    return f"{case.tags['hidden']} units{labels}"


def _gradients(analysis: Analysis) -> list[Block]:
    """The gradient in each layer, and in the first against depth."""
    cases = cases_of(analysis, "gradient")
    norms = {(_kind(c), int(c.tags["depth"])): r.series["norms"][1:]  # the first is the loss
             for c in cases if (r := record_of(analysis, c, "norms")) is not None}  # fmt: skip
    if not norms:
        return []
    depths = {depth for _, depth in norms}
    deepest = max(depths)
    kinds = list(dict.fromkeys(kind for kind, _ in norms))
    by_layer = [over_steps(k, norms[k, deepest]) for k in kinds if (k, deepest) in norms]
    by_depth = [
        Line(k, taken := sorted(d for kind, d in norms if kind == k),
             [norms[k, d][0] for d in taken])
        for k in kinds
    ]  # fmt: skip
    panels = [
        Panel(f"In each layer, at {deepest} hidden layers", "layer, from the input",
              "norm of the gradient", by_layer, log=True),
        Panel("In the first layer, against depth", "hidden layers", "", by_depth, log=True),
    ]  # fmt: skip
    shrink = {line.backend: _per_layer(line) for line in by_layer}
    worst, best = max(shrink, key=shrink.__getitem__), min(shrink, key=shrink.__getitem__)
    return [
        Figure(
            story(panels if len(depths) > 1 else panels[:1]),
            "The Euclidean norm of the gradient by a layer's weights, before any training, on a "
            "logarithmic scale. Left, every layer of the deepest network; right, the first layer "
            "of networks of each depth.",
            "Norm of the gradient in the first layer, by hidden layers: "
            + "; ".join(
                f"{line.backend} " + ", ".join(f"{x:g}: {words.scientific(y)}"
                                               for x, y in zip(line.x, line.y, strict=True))
                for line in by_depth
            )
            + ".",
        ),
        paragraph(
            f"With {worst}, each layer shrinks the gradient {words.significant(shrink[worst], 2)} "
            f"times on its way back: at {deepest} hidden layers the first layer is left with "
            f"{_number(norms[worst, deepest][0])}, and learns nothing. With {best} it is "
            f"{words.significant(shrink[best], 2)} times a layer, and "
            f"{_number(norms[best, deepest][0])} arrives. The kind of neuron and its first "
            "weights, two simple changes, ended the winter. ",
            muted(agreement(analysis, cases)),
        ),
    ]  # fmt: skip


def _number(value: float) -> str:
    return words.significant(value, 2) if 0.01 <= value < 100 else words.scientific(value)


def _kind(case: Case) -> str:
    neuron = {"relu": "ReLU"}.get(str(case.tags["activation"]), str(case.tags["activation"]))
    weights = {"glorot": "Glorot's", "he": "He's"}.get(str(case.tags["init"]), "naive")
    return f"{neuron}, {weights} weights"


def _per_layer(line: Line) -> float:
    """Return how many times smaller the gradient gets a hidden layer, the first to the last."""
    inner = line.y[1:-1]  # between hidden layers, which are alike
    if len(inner) < 2 or min(inner) <= 0:
        return 1.0
    return math.exp(math.log(inner[-1] / inner[0]) / (len(inner) - 1))


def _winter(analysis: Analysis) -> list[Block]:
    """Deep networks that do not train, and one that does."""
    cases = cases_of(analysis, "winter")
    losses = lines_of(analysis, cases, "losses", _deep_kind)
    if not losses:
        return []
    ends = {name: fmean(values[-8:]) for name, values in losses.items()}
    stuck = [name for name, end in ends.items() if end > 0.95 * CHANCE]
    fine = [name for name in ends if name not in stuck]
    panel = Panel("Loss in training", "step", "mean cross-entropy",
                  [over_steps(n, v) for n, v in losses.items()],
                  {"chance, ln 10": CHANCE})  # fmt: skip
    return [
        Figure(
            story([panel]),
            "Plain gradient descent on handwritten digits, the same batches for each network.",
            "Loss at the end: " + ", ".join(f"{n} {v:.2f}" for n, v in ends.items()) + ".",
        ),
        paragraph(
            f"{_sentence(words.listed(fine) or 'no network')} learned: the loss fell to "
            f"{words.listed([f'{ends[n]:.2f}' for n in fine]) or 'nowhere'}. "
            + (
                f"{_sentence(words.listed(stuck))} stayed at chance, as deep networks of the "
                "nineties did. "
                if stuck
                else "None stayed at chance. "
            )
            + "Funding and belief went the same way, until it was seen that the gradient, and not "
            "depth, was at fault. ",
            muted(agreement(analysis, cases)),
        ),
    ]


def _deep_kind(case: Case) -> str:
    return f"{case.tags['depth']} × {_kind(case)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _pretraining(analysis: Analysis) -> list[Block]:
    """Few labels: with pre-training, without, and with ReLUs."""
    cases = cases_of(analysis, "pretraining")
    accuracies = lines_of(analysis, cases, "accuracy", _preparation)
    if not accuracies:
        return []
    labels = cases[0].tags["labels"]
    panel = Panel(
        f"Training on {labels} labels", "epoch", "share of test images right",
        [over_steps(name, values) for name, values in accuracies.items()],
        {"chance": 0.1}, share=True,
    )  # fmt: skip
    ends = {name: f"{words.percent(values[-1])}" for name, values in accuracies.items()}
    told = words.listed([f"{end} ({name})" for name, end in ends.items()])
    return [
        Figure(
            story([panel]),
            f"A network of {cases[0].tags['shape']} units. Its pre-training saw all training "
            "images and none of their labels, as auto-encoders of one layer, two, and all.",
            f"Share of the test images right at the end: {told}.",
        ),
        paragraph(
            f"From {labels} labels the networks come to {told} of the test images. Unlabelled "
            "images alone had brought the sigmoids' weights to where a few labels were enough: "
            "that was the way out in 2006. ReLUs on better first weights go without, which is why "
            "pre-training of this kind was given up again. ",
            muted(agreement(analysis, cases)),
        ),
    ]


def _preparation(case: Case) -> str:
    after = {"none": "no pre-training", "autoencoder": "pre-trained"}
    return f"{_kind(case).partition(',')[0]}, {after[str(case.tags['pretraining'])]}"


STORIES: dict[str, Callable[[Analysis], list[Block]]] = {
    "One hidden layer learns anything by heart": _memory,
    "The gradient vanishes": _gradients,
    "Winter: deep networks do not train": _winter,
    "Unlabelled images help": _pretraining,
    "Seventy times as fast": device,
}
