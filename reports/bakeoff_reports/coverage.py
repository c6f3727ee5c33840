"""The section of what each backend computes: every op that a case of the run uses."""

from collections import defaultdict
from collections.abc import Sequence

from bakeoff.record import Outcome
from bakeoff.summary import FAILED
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import Content, Figure, paragraph
from bakeoff_reports.coverage_map import State, coverage_map

_RIGHT = (Outcome.OK, Outcome.CONTENDED)
_ABSENT = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE)


def coverage(analysis: Analysis) -> Content:
    """Show the ops of the run on each backend; nothing of a run without cases."""
    states = op_states(analysis)
    ops = list(next(iter(states.values()), {}))
    if not ops:
        return ()
    rows = {backend: [by_op[op] for op in ops] for backend, by_op in states.items()}
    right = ", ".join(f"{b} {list(s).count('right')}" for b, s in rows.items())
    figure = Figure(
        coverage_map(ops, rows),
        "Every op of the run on every backend. An op is judged by the cases that are about it "
        "alone, or by all that use it where there are none.",
        f"Of {len(ops)} ops, right in every case: {right}.",
    )
    lead = "What each backend offers, and whether it was right. Each cell's remark says why not."
    return [paragraph(lead), figure]


def op_states(analysis: Analysis) -> dict[str, dict[str, State]]:
    """Return for each backend how each op ended, in the order the cases bring them."""
    telling = _telling_cases(analysis)
    ended: dict[tuple[str, str], Outcome] = {
        (str(row.case), str(row.backend)): row.outcome for row in rows_of(analysis.cells)
    }
    return {
        backend: {op: state([ended[case, backend] for case in its]) for op, its in telling.items()}
        for backend in analysis.backends
    }


def _telling_cases(analysis: Analysis) -> dict[str, list[str]]:
    """Return the ids of the cases that each op is judged by."""
    alone: dict[str, list[str]] = defaultdict(list)
    among: dict[str, list[str]] = defaultdict(list)
    for case in analysis.run.cases:
        ops = {node.op: None for node in case.program.nodes}
        for op in ops:
            among[op].append(case.id)
        subject = case.tags.get("op") or (next(iter(ops)) if len(ops) == 1 else None)
        if subject in ops:
            alone[str(subject)].append(case.id)
    return {op: alone.get(op) or its for op, its in among.items()}


def state(outcomes: Sequence[Outcome]) -> State:
    """Return in a word how an op's cells ended."""
    reached = [o for o in outcomes if o is not Outcome.INTERRUPTED]
    if not reached:
        return "unknown"
    right = sum(o in _RIGHT for o in reached)
    if right == len(reached):
        return "right"
    if right:
        return "part"
    if all(o in _ABSENT for o in reached):
        return "absent"
    return "failed" if any(o in FAILED - {Outcome.MISMATCH} for o in reached) else "wrong"
