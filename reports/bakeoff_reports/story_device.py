"""The last of the stories: the same step on a CPU and on a device, by one toolkit."""

from collections.abc import Iterator

from bakeoff import statistics
from bakeoff.case import Case
from bakeoff_reports import style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import Block, Figure, muted, paragraph
from bakeoff_reports.figures import Lane, Point, forest
from bakeoff_reports.story_cases import agreement, cases_of

CLAIM = 70  # times as fast


def device(analysis: Analysis) -> list[Block]:
    """The same step on a CPU and on a device, by one toolkit."""
    cases = cases_of(analysis, "device")
    if not cases:
        return []
    case = cases[0]
    source = (
        f"In 2009 a GPU was told to train {CLAIM} times as fast as a CPU of two cores (Raina, "
        "Madhavan and Ng, ICML 2009). "
    )
    points = list(_speedups(analysis, case))
    if not points:
        return [paragraph(
            source + f"{_why_no_device(analysis)}, so that this run has nothing to say of it. With "
            "a GPU backend beside the same toolkit's CPU backend, such as ",
            "torch and torch-cuda, it is measured here. ",
            muted(f"The step is {case.title}. {agreement(analysis, cases)}"),
        )]  # fmt: skip
    told = [f"{p.backend} {words.ratio(p.ratio, p.low, p.high)} times" for p in points]
    looks = style.series(p.backend for p in points)
    unit = "times as fast as the same toolkit on the CPU"
    return [
        Figure(
            forest([Lane(p.backend, {"": [p]}) for p in points], [""], looks, unit, None),
            f"{case.title}: the {unit}, end to end, with 95 % intervals over process rounds.",
            f"Speed of devices: {'; '.join(told)}.",
        ),
        paragraph(
            source + f"Here it is {words.listed(told)}, the CPU on "
            f"{words.count(_threads(analysis), 'thread')}. Another step, more threads or less "
            "precision give another number. ",
            muted(f"The step is {case.title}. {agreement(analysis, cases)}"),
        ),
    ]


def _speedups(analysis: Analysis, case: Case) -> Iterator[Point]:
    """Yield how many times as fast each device backend is as its toolkit on the CPU."""
    for backend in analysis.backends:
        beside = _on_cpu(analysis, backend)
        if beside is None:
            continue
        cpu, device = (analysis.ranking.times(case.id, b, clock="wall") for b in (beside, backend))
        found = statistics.interval(statistics.log_ratios(cpu, device).values())
        if found is not None:
            yield Point(backend, found.ratio, found.low, found.high)


def _on_cpu(analysis: Analysis, backend: str) -> str | None:
    """Return the CPU's backend of a device backend's toolkit: in the same mode, if there is one."""
    places = analysis.environments
    device = places[backend].setting.device
    if device == "cpu":
        return None
    alike = [
        b for b in analysis.backends
        if places[b].setting.device == "cpu" and places[b].toolkit == places[backend].toolkit
    ]  # fmt: skip
    same_mode = backend.replace(f"-{device}", "")
    return same_mode if same_mode in alike else next(iter(alike), None)


def _why_no_device(analysis: Analysis) -> str:
    devices = [b for b in analysis.backends if analysis.environments[b].setting.device != "cpu"]
    if not devices:
        return "No backend of a device was in this run"
    return f"{words.listed(devices)} had no result beside the same toolkit's on the CPU"


def _threads(analysis: Analysis) -> int:
    return analysis.environments[analysis.reference].setting.threads
