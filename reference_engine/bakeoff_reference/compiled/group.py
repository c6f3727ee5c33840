"""A run of statements that one loop over one domain can do, and when each can be done.

The loop goes over rows, and within a row over its elements, perhaps several times: what needs
the sum of a row comes in a later pass over the row than the sum. Moments of a row are numbered:
odd ones are passes over the elements, even ones are between them, before the first and after
the last.
"""

from math import prod
from typing import NamedTuple

from bakeoff_reference.arrays import Array
from bakeoff_reference.compiled.expressions import COSTLY, Operation
from bakeoff_reference.plan.recorded import Recorded

AFTER = 1 << 20
"""The moment after all rows."""
NEVER = AFTER + 1

Flags = tuple[bool, ...]
"""Along which dimensions of the domain an array extends; it is repeated along the others."""
Key = tuple[int, Flags]
Use = tuple[Recorded, Flags]

MOST_COSTLY = 1 << 12
"""Elements up to which one loop with exponentials beats several vectorised calls."""
LONGEST_ROW = 64
"""Sums along a row are not vectorised, as that would reorder them."""


def key_of(x: Recorded, flags: Flags) -> Key:
    """What tells apart pieces of memory: all of a root, in whatever shape, or one view of it."""
    return (id(x.root) if _whole(x) else id(x), flags)


def _whole(x: Recorded) -> bool:
    root: Array = x.root.value
    same = x.value.size == root.size and x.value.flags.c_contiguous and root.flags.c_contiguous
    return bool(same)


class Member(NamedTuple):
    """An operation, its moment, and its arrays, the target last."""

    operation: Operation
    moment: int
    uses: tuple[Use, ...]


class Group:
    """Statements of one loop, in order.

    Attributes
    ----------
    domain
        The loop's shape.
    members
        What it does.
    spilled
        Results that another pass reads: they go through memory.
    """

    def __init__(self, domain: tuple[int, ...]) -> None:
        self.domain = domain
        self.members: list[Member] = []
        self.spilled: set[Key] = set()
        self._ready: dict[Key, int] = {}  # from when on a result can be read
        self._last: dict[int, int] = {}  # by root: when it was last touched
        self._keys: dict[int, set[Key]] = {}  # by root: how it is read and written
        self._written: set[int] = set()

    @property
    def full(self) -> Flags:
        return (True,) * len(self.domain)

    @property
    def row(self) -> Flags:
        """Of one number per row."""
        return (*self.full[1:], False)

    def flags_of(self, x: Recorded) -> Flags | None:
        """Return along which dimensions an array extends, None if it does not fit."""
        if x.shape == self.domain:
            return self.full
        if x.size == 1:
            return (False,) * len(self.domain)
        rows = len(self.domain) == 2 and self.domain[0] != self.domain[1]
        if rows and x.shape == self.domain[:1]:
            return self.row
        missing = len(self.domain) - x.ndim
        shape = (1,) * missing + x.shape
        if missing < 0 or any(n not in (1, d) for n, d in zip(shape, self.domain, strict=True)):
            return None
        return tuple(n != 1 for n in shape)

    def add(self, op: Operation) -> bool:
        """Take an operation into the loop, if it can be done there."""
        uses = self._uses(op)
        placed = None if uses is None else self._placed(op, [f for _, f in uses])
        if uses is None or placed is None or not self._apart(op, uses):
            return False
        moment, ready = placed
        for x, flags in uses:
            key = key_of(x, flags)
            if flags == self.full and self._ready.get(key, moment) != moment:
                self.spilled.add(key)
            self._keys.setdefault(id(x.root), set()).add(key)
            self._last[id(x.root)] = max(self._last.get(id(x.root), 0), min(ready, AFTER))
        if op.kind in ("pick", "pick_subtract"):
            self.spilled.add(key_of(*uses[0]))
        self._written.add(id(op.target.root))
        self._ready[key_of(*uses[-1])] = ready
        self.members.append(Member(op, moment, tuple(uses)))
        return True

    def _uses(self, op: Operation) -> list[Use] | None:
        """Return the arrays read, then the target, each with its flags; None if one has none."""
        arrays = [*(o for o in op.operands if isinstance(o, Recorded)), op.target]
        flags = [self.flags_of(x) for x in arrays]
        return (
            [(x, f) for x, f in zip(arrays, flags, strict=True) if f is not None]
            if None not in flags
            else None
        )

    def _placed(self, op: Operation, flags: list[Flags]) -> tuple[int, int] | None:
        """Return the operation's moment, and from when its result can be read."""
        start = self._last.get(id(op.target.root), 0)
        arrays = [o for o in op.operands if isinstance(o, Recorded)]
        for x, f in zip(arrays, flags, strict=False):
            start = max(start, self._ready.get(key_of(x, f), 0))
        if start >= NEVER:
            return None
        place = {"map": self._map, "reduce": self._reduce}.get(op.kind, self._pick)
        return place(op, flags, start)

    def _map(self, op: Operation, flags: list[Flags], start: int) -> tuple[int, int] | None:
        *given, target = flags
        grows = any(f and not t for g in given for f, t in zip(g, target, strict=True))
        if grows or (op.name in COSTLY and prod(self.domain) > MOST_COSTLY):
            return None
        if start == AFTER:
            return None if any(target) else (AFTER, AFTER)
        if target == self.full:
            return start | 1, start | 1
        if len(self.domain) == 2 and target == self.row:
            return start + (start & 1), start + (start & 1)
        return None

    def _reduce(self, op: Operation, flags: list[Flags], start: int) -> tuple[int, int] | None:
        if len(self.domain) != 2 or start == AFTER:
            return None
        given, target = flags
        along = given == self.full and op.axes == (1,) and target == self.row
        if along and self.domain[1] <= LONGEST_ROW:
            return start | 1, (start | 1) + 1
        if op.name != "add":
            return None
        if given == self.full and op.axes == (0,) and target == (False, True):
            return start | 1, NEVER
        if given == self.row and len(op.axes) == op.operands[0].ndim and not any(target):
            return start + (start & 1), AFTER
        return None

    def _pick(self, op: Operation, flags: list[Flags], start: int) -> tuple[int, int] | None:
        if len(self.domain) != 2 or flags[:2] != [self.full, self.row] or start == AFTER:
            return None
        if any(flags[2]) and flags[2] not in (self.row, self.full):
            return None
        return start + (start & 1), start + (start & 1)

    def _apart(self, op: Operation, uses: list[Use]) -> bool:
        """Whether memory that is written is met in one way only, so that order does not matter."""
        written = {*self._written, id(op.target.root)}
        met: dict[int, set[Key]] = {}
        for x, flags in uses:
            met.setdefault(id(x.root), set()).add(key_of(x, flags))
        return not any(
            root in written and len(keys | self._keys.get(root, set())) > 1
            for root, keys in met.items()
        )
