"""The section of rooflines: how much of what its machine can do each backend reached."""

import math
from collections import defaultdict

from bakeoff import cost
from bakeoff.ceilings import Ceilings
from bakeoff.record import Outcome
from bakeoff_reports import style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import Block, Content, Figure, Heading, paragraph
from bakeoff_reports.roofline_panels import Attained, Roof, is_crowded, roofline_panels

_RATED = (Outcome.OK, Outcome.CONTENDED)  # a wrong answer has no rate
Kind = tuple[str, int]  # device, threads


def roofline(analysis: Analysis) -> Content:
    """Show a roofline per device and number of threads; nothing if no ceiling was measured."""
    kinds: dict[Kind, list[str]] = defaultdict(list)
    for backend in analysis.backends:
        setting = analysis.ranking.settings[backend]
        if analysis.ranking.ceilings(backend).gemm:
            kinds[setting.device, setting.threads].append(backend)
    blocks: list[Block] = []
    for (device, threads), backends in kinds.items():
        panels = _panels(analysis, backends, threads)
        if panels:
            name = f"{device.upper()}, {words.count(threads, 'thread')}"
            blocks += [Heading(name, 3), _figure(analysis, panels)]
    if not blocks:
        return ()
    lead = (
        "What each cell attained, under ceilings measured in the same run: the best rate of matrix "
        "products, and of copying. Near a line there is little left to gain."
    )
    return [paragraph(lead), *blocks]


Panels = dict[str, tuple[Roof, list[Attained]]]


def _panels(analysis: Analysis, backends: list[str], threads: int) -> Panels:
    """Return the roof and the cells of each dtype."""
    work = {c.id: (cost.flops(c.program), cost.bytes_moved(c.program)) for c in analysis.run.cases}
    cells: dict[str, list[Attained]] = defaultdict(list)
    for row in rows_of(analysis.cells):
        if row.backend not in backends or row.outcome not in _RATED or not row.gflops > 0:
            continue
        flops, moved = work[row.case]
        if moved:
            cells[row.dtype].append(Attained(row.case, row.backend, flops / moved, row.gflops))
    ceilings = [analysis.ranking.ceilings(b) for b in backends]
    return {dtype: (roof(ceilings, dtype, threads), its) for dtype, its in cells.items()}


def roof(ceilings: list[Ceilings], dtype: str, threads: int) -> Roof:
    """Return the highest ceilings of a dtype that any backend of one kind measured."""
    rates = [rate for c in ceilings if math.isfinite(rate := c.product_rate(dtype))]
    copies: dict[int, float] = {}
    for size, rate in (pair for c in ceilings for pair in c.copy):
        copies[size] = max(copies.get(size, 0.0), threads * rate / 1e9)
    ends = dict.fromkeys(size for size in (min(copies, default=0), max(copies, default=0)) if size)
    copy = [(words.size(size), copies[size]) for size in ends]
    return Roof(max(rates, default=math.nan) / 1e9, copy)


def _figure(analysis: Analysis, panels: Panels) -> Figure:
    crowd = (
        " A mark is the fastest of a case, a pale line reaches down to the slowest."
        if is_crowded(its for _, its in panels.values())
        else ""
    )
    return Figure(
        roofline_panels(panels, style.series(analysis.backends)),
        "Operations per second against operations per byte of inputs and results, both axes "
        f"logarithmic.{crowd}{_slopes(panels)}",
        "; ".join(
            f"{dtype}: at most {max(a.gflops for a in its):.3g} GFLOP/s, by "
            f"{max(its, key=lambda a: a.gflops).backend}, of "
            + (f"{roof.gemm:.3g}" if roof.gemm > 0 else "an unknown ceiling")
            for dtype, (roof, its) in panels.items()
        )
        + ".",
    )


def _slopes(panels: Panels) -> str:
    """Say what the slopes are; empty where copying was not measured, as on a device."""
    copy = next(iter(panels.values()))[0].copy
    if not copy:
        return ""
    told = " and ".join(f"{rate:.3g} GB/s in {size}" for size, rate in copy)
    lines = "solid and dashed" if len(copy) > 1 else "solid"
    return f" The slopes are copying: {told}, {lines}. What stays in a cache may lie above them."
