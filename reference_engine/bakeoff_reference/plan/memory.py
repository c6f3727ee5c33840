"""Which statements are needed, and where their buffers lie.

Buffers share one block of memory: a buffer's place is free again after the last statement that
reads it, and an elementwise result is written over an argument that nothing needs any more.
"""

from collections.abc import Sequence

from bakeoff_reference.arrays import NUMPY, Array
from bakeoff_reference.plan.recorded import Recorded, Root, Statement

LARGE = 1 << 14  # bytes: copied in the time that an allocation takes
ALIGNMENT = 64  # bytes: a cache line, and the width of the widest vector registers


def needed(statements: Sequence[Statement], outputs: Sequence[Recorded]) -> list[Statement]:
    """Return the statements that outputs, or memory that lives on, depend on."""
    live = {id(o.root) for o in outputs}
    kept = []
    for s in reversed(statements):
        if id(s.target.root) in live or s.target.root.kind == "fixed":
            live.add(id(s.target.root))
            live.update(id(r.root) for r in s.reads)
            kept.append(s)
    return kept[::-1]


def give_away(outputs: Sequence[Recorded]) -> None:
    """Have large results computed in memory that the caller keeps: a copy would cost more."""
    for o in outputs:
        root = o.root
        if root.kind == "buffer" and o.base is None and root.value.nbytes >= LARGE:
            root.kind = "returned"


def lifetimes(
    statements: Sequence[Statement], outputs: Sequence[Recorded]
) -> dict[int, tuple[Root, int, int]]:
    """Return the first and last statement that touch each buffer, by the root's ``id``."""
    found: dict[int, tuple[Root, int, int]] = {}
    for i, s in enumerate(statements):
        for root in [s.target.root, *(r.root for r in s.reads)]:
            if root.kind == "buffer":
                first = found[id(root)][1] if id(root) in found else i
                found[id(root)] = (root, first, i)
    for o in outputs:
        if id(o.root) in found:
            root, first, _ = found[id(o.root)]
            found[id(root)] = (root, first, len(statements))
    return found


def place(statements: Sequence[Statement], outputs: Sequence[Recorded]) -> int:
    """Give every buffer its memory (``root.value``); return the block's size in bytes."""
    spans = lifetimes(statements, outputs)
    offsets: dict[int, int] = {}
    busy: dict[int, tuple[int, int, int]] = {}  # root -> offset, end, last statement
    for i, s in enumerate(statements):
        busy = {key: span for key, span in busy.items() if span[2] >= i}
        starting = [r for r, first, _ in (spans[k] for k in _roots(s) if k in spans) if first == i]
        for root in starting:
            last = spans[id(root)][2]
            over = _overwritable(s, root, i, spans)
            if over is not None and id(over) in busy:
                offset = busy.pop(id(over))[0]
            else:
                offset = _first_gap(root.value.nbytes, [span[:2] for span in busy.values()])
            offsets[id(root)] = offset
            busy[id(root)] = (offset, offset + root.value.nbytes, last)
    total = max((offsets[k] + r.value.nbytes for k, (r, _, _) in spans.items()), default=0)
    block = _aligned(total)
    for key, (root, _, _) in spans.items():
        size, old = root.value.nbytes, root.value
        part = block[offsets[key] : offsets[key] + size]
        root.value = part.view(old.dtype).reshape(old.shape)
    return total


def _roots(s: Statement) -> dict[int, None]:
    return dict.fromkeys([id(s.target.root), *(id(r.root) for r in s.reads)])


def _overwritable(
    s: Statement, root: Root, i: int, spans: dict[int, tuple[Root, int, int]]
) -> Root | None:
    """Return an argument's root that the result may take the place of."""
    # a call in place on one element takes NumPy twice as long
    if not s.elementwise or s.target.root is not root or s.target.size == 1:
        return None
    for r in s.reads:
        same = r.shape == s.target.shape and r.dtype == s.target.dtype
        if same and r.base is None and id(r.root) in spans and spans[id(r.root)][2] == i:
            return r.root
    return None


def _first_gap(size: int, busy: Sequence[tuple[int, int]]) -> int:
    """Return the lowest aligned offset where ``size`` bytes are free."""
    offset = 0
    for start, end in sorted(busy):
        if offset + size <= start:
            break
        offset = max(offset, -(-end // ALIGNMENT) * ALIGNMENT)
    return offset


def _aligned(size: int) -> Array:
    block = NUMPY.zeros(size + ALIGNMENT, "uint8")
    skip = -block.ctypes.data % ALIGNMENT
    return block[skip : skip + size]
