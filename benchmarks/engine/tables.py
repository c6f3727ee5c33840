"""The table: as text for a terminal, and as the page in ``docs/``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]

_PAGE = """# The engine, measured

What bakeoff's own engine (`reference_engine/bakeoff_reference`, NumPy) must reach against PyTorch
and JAX, and what it reaches. This page is written by the benchmark, `python benchmarks/engine
--write`; its data are in [`measured/engine.json`](measured/engine.json).

Ratios are of CPU time on one pinned thread, measured by bakeoff's own runs: all backends of a
suite are interleaved block by block, in rounds of fresh worker processes; each round gives one
ratio of median blocks, and the figure is the geometric mean over rounds with its 95 % interval
(t). Every result was held against the float64 oracle first. Below 1 is faster than the other.
`gate` is the most that is allowed, `aim` what is wanted.

Every backend's C library keeps the memory that is freed (glibc's `MALLOC_TRIM_THRESHOLD_` and
`MALLOC_MMAP_THRESHOLD_`), so that no call faults the pages of its result anew: without, some
forward convolutions of PyTorch took three times as long, and the engine looked better than it is.

- *GEMM-only floor*: the five matrix products of the step and nothing else (two forward, three for
  gradients), written into resident memory.
- *64-32-10* with batch 16: a step so small that it is what its calls cost. `python
  benchmarks/small_step.py` holds the plan against a step written by hand in the fewest calls of
  NumPy that we found, which rounds otherwise; compiled loops need no such calls.
- *100 small operations*: multiply and add in turn on 64×10, forward and the gradient of the input.
- *Each pass* of a convolution is the pass by itself: the time of the program that gives output and
  gradient, less that of the forward program, in the same process round.
- *Workspace*: the peak that `tracemalloc` sees, output and gradients included, over the input's
  size.
- *Accuracy*: the largest error of a pass over its largest result, in float32 against float64.
"""


def text(found: Found) -> str:
    """Return the table for a terminal."""
    lines = [f"{'':66}{'gate':>8}{'aim':>8}{'measured':>10}  {'95 % interval':16}"]
    for row in found["rows"]:
        bounds = f"{_plain(row['gate']):>8}{_plain(row['aim']):>8}"
        lines.append(f"{row['what']:66}{bounds}{'':12}{'':16}{row['verdict']}")
        for part in row["parts"]:
            note = f"{_interval(part):16}{part['verdict']}"
            if part["reason"]:
                note = first_line(part["reason"])
            lines.append(f"  {part['label']:80}{_measured(part):>10}  {note}")
    return "\n".join(lines)


def page(found: Found) -> str:
    """Return the page as Markdown."""
    return "\n".join([_PAGE, *_conditions(found), "", *_table(found["rows"]), ""])


def _conditions(found: Found) -> Iterator[str]:
    about = found["machine"]
    noise = ", ".join(
        f"{suite} ±{100 * value:.1f} %" for suite, value in found["noise"].items() if value
    )
    versions = {v: None for v in found["versions"].values() if v}
    yield (
        f"{found['at'][:10]}: {about['cpu']}, {about['threads']} threads, {about['os']}, Python "
        f"{about['python']}; {', '.join(versions)}. Load before and after {found['load'][0]:.1f}, "
        f"{found['load'][1]:.1f}. {found['rounds']} process rounds, {found['elapsed_s']:.0f} s in "
        f"all. A backend against its own twin differed by up to (95 of 100 pairs): {noise or '–'}."
    )


def _table(rows: Sequence[Found]) -> Iterator[str]:
    yield "| what | | gate | aim | measured | 95 % interval | |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for row in rows:
        head = [row["what"], "", _plain(row["gate"]), _plain(row["aim"])]
        for part in row["parts"]:
            head[1] = part["label"]
            note = _interval(part) or first_line(part["reason"]).replace("|", "\\|")
            yield f"| {' | '.join(head)} | {_measured(part)} | {note} | {part['verdict']} |"
            head = [""] * 4


def first_line(reason: str) -> str:
    return next(iter(reason.splitlines()), "")[:100]


def _measured(part: Found) -> str:
    return "–" if part["reason"] else _plain(part["value"])


def _interval(part: Found) -> str:
    low, high = part["low"], part["high"]
    return f"{low:.3f} – {high:.3f}" if low is not None and high is not None else ""


def _plain(value: float) -> str:
    return f"{value:.1e}" if value < 1e-3 else f"{value:.3g}"
