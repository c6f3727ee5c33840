"""Where a plan's statements become loops."""

from collections.abc import Sequence
from math import prod

from bakeoff_reference.compiled.expressions import Operation, operation
from bakeoff_reference.compiled.group import Group
from bakeoff_reference.compiled.kernel import Kernel
from bakeoff_reference.plan.recorded import Recorded, Statement


def fused(statements: Sequence[Statement], outputs: Sequence[Recorded]) -> list[Statement]:
    """Return statements with runs of elementwise ones replaced by calls of kernels."""
    runs: list[tuple[Group | None, list[Statement]]] = []
    for s in statements:
        op = operation(s)
        group = runs[-1][0] if runs else None
        if op is not None and group is not None and group.add(op):
            runs[-1][1].append(s)
        else:
            runs.append((_started(op), [s]))
    uses = _uses(statements, outputs)
    result: list[Statement] = []
    for group, run in runs:
        if group is None or len(run) < 2:
            result += run
        else:
            name = f"fused_{sum(bool(s.definition) for s in result) + 1}"
            result.append(_call(name, group, run, uses))
    return result


def _started(op: Operation | None) -> Group | None:
    """Return the group that an operation begins."""
    if op is None:
        return None
    domain = op.operands[0].shape if op.kind in ("reduce", "pick") else op.target.shape
    group = Group(domain)
    return group if domain and prod(domain) and group.add(op) else None


def _uses(statements: Sequence[Statement], outputs: Sequence[Recorded]) -> dict[int, set[int]]:
    """Return, by root, the statements that touch it; outputs count as one more."""
    found: dict[int, set[int]] = {}
    for s in statements:
        for x in (s.target, *s.reads):
            found.setdefault(id(x.root), set()).add(id(s))
    for x in outputs:
        found.setdefault(id(x.root), set()).add(0)
    return found


def _call(
    name: str, group: Group, run: Sequence[Statement], uses: dict[int, set[int]]
) -> Statement:
    """Return the statement that calls a group's kernel."""
    own = {id(s) for s in run}
    roots = {id(s.target.root): s.target.root for s in run}
    kept = {i for i, r in roots.items() if r.kind == "fixed" or uses[i] - own}
    kernel = Kernel(name, group, kept)
    for root in roots.values():
        if root.kind == "fresh":  # filled by the loop, so it has a place of its own
            root.kind = "buffer"
    arguments = kernel.arguments
    target = next(a for a in arguments if isinstance(a, Recorded) and id(a.root) in roots)
    return Statement("write", Kernel, name, arguments, {}, target, definition=kernel.source)
