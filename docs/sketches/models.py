"""Trained models: whose answers differ, and whose training left the oracle."""

from matplotlib.figure import Figure
from sketches.paper import WIDTH, Data

from bakeoff.statistics import CONFIDENCE
from bakeoff_reports import style
from bakeoff_reports.matrix import matrix
from bakeoff_reports.trajectory import Panel, Path, trajectory


def models(data: Data) -> Figure:
    """How many test images one of two models got right alone."""
    only, better = {}, []
    for pair, (_, first, second, _) in data["counts"].items():
        a, b = pair.split(", ")
        only[a, b], only[b, a] = first, second
        if data["p_values"][pair] < 1 - CONFIDENCE:
            better.append((a, b) if first > second else (b, a))
    return matrix(data["accuracies"], only, better, WIDTH)


def steps(data: Data) -> Figure:
    """How far each backend's loss is from the oracle's, step by step."""
    paths = [
        Path(
            backend,
            [abs(a - b) for a, b in zip(told["losses"], told["oracle"], strict=True)],
            told["left_at"],
        )
        for backend, told in data["steps"].items()
    ]
    panel = Panel("Adam, float32, batches of 64", data["allowed"], paths)
    return trajectory([panel], style.series(data["steps"]), WIDTH)
