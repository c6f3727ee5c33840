"""A plan's Python: one line per statement, over names that are bound to arrays once."""

from collections.abc import Sequence
from keyword import iskeyword
from typing import Any

from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.plan.recorded import Recorded, Root, Scalar, Statement

KEYWORD_ONLY = ("maximum", "minimum")
"""Functions that NumPy wants to be given ``out`` by its name, not after the operands."""

_TAKEN = frozenset({*vars(NUMPY), "step", "mismatch", "inf", "nan"})


class Writer:
    """Writes the text and collects what its names stand for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._taken = _TAKEN
        self.namespace: dict[str, Any] = {"inf": float("inf"), "nan": float("nan")}
        self._lines: list[str] = []
        self._comments: list[str] = []
        self._definitions: list[str] = []
        self._roots: dict[int, str] = {}
        self._views: dict[int, str] = {}
        self._count = 0

    def write(
        self, inputs: Sequence[Recorded], scalars: Sequence[Scalar],
        statements: Sequence[Statement], outputs: Sequence[Recorded],
    ) -> str:  # fmt: skip
        """Return the source of ``def step(inputs, *, scalars)``; its results nothing else holds."""
        self.namespace["mismatch"] = mismatch
        self._taken |= {s.name for s in statements}
        parameters = [self._safe(x.root.name) for x in inputs]
        for name, x in zip(parameters, inputs, strict=True):
            self._roots[id(x.root)] = name
            self.namespace[f"_dtype_{name}"] = x.dtype
            self._line(f"if {name}.shape != {x.shape} or {name}.dtype != _dtype_{name}:")
            self._line(f"    mismatch({name!r}, {name}, {x.shape}, _dtype_{name})")
        for root in {id(o.root): o.root for o in outputs if o.root.kind == "returned"}.values():
            self.namespace["empty"] = NUMPY.empty
            shape, dtype = root.value.shape, root.value.dtype.name
            self._line(f"{self._root(root)} = empty({shape}, {dtype!r})")
        for s in statements:
            self._statement(s)
        results = "".join(f"{self._result(o, outputs[:i])}, " for i, o in enumerate(outputs))
        self._line(f"return ({results.rstrip()})")
        parameters += ["*", *(s.name for s in scalars)] if scalars else []
        head = [f"# {self.name}", *self._comments, *self._definitions]
        head.append(f"def step({', '.join(parameters)}):")
        return "\n".join([*head, *self._lines]) + "\n"

    def _result(self, output: Recorded, before: Sequence[Recorded]) -> str:
        """An array that nothing else holds."""
        given = output.root.kind == "returned" and all(o.root is not output.root for o in before)
        return self._array(output) if given else f"{self._array(output)}.copy()"

    def _line(self, text: str) -> None:
        self._lines.append("    " + text)

    def _statement(self, s: Statement) -> None:
        if s.definition:
            self._definitions.append(f"@compiled\n{s.definition}\n")
        else:
            self.namespace[s.name] = s.fn
        given = {**s.kwargs, "out": s.target} if s.kind == "call" else s.kwargs
        # by its name `out` takes NumPy a tenth of a small call longer
        named = list(given) != ["out"] or s.name in KEYWORD_ONLY
        plain = () if named else tuple(given.values())
        args = [self._literal(a) for a in (*s.args, *plain)]
        if named:
            args += [f"{k}={self._literal(v)}" for k, v in given.items()]
        text = f"{s.name}({', '.join(args)})"
        self._line(f"{self._root(s.target.root)} = {text}" if s.kind == "fresh" else text)

    def _literal(self, value: Any) -> str:
        if isinstance(value, Recorded):
            return self._array(value)
        if isinstance(value, Scalar):
            return value.name
        if isinstance(value, (tuple, list)):
            return "(" + "".join(f"{self._literal(v)}, " for v in value).rstrip() + ")"
        return repr(value)

    def _array(self, x: Recorded) -> str:
        """Return the name of an array; a view of memory that stays is made once, now."""
        if x.base is None:
            return self._root(x.root)
        if id(x) not in self._views:
            assert x.view is not None
            base = self._array(x.base)
            name = self._new("v")
            if x.root.static:
                self.namespace[name] = x.view.apply(self.namespace[base])
                self._comments.append(f"# {name} = {x.view.text.format(base)}")
            else:
                self._line(f"{name} = {x.view.text.format(base)}")
                self.namespace.setdefault("windows", x.recorder.window_function)
                self.namespace.setdefault("broadcast_to", x.recorder.broadcast_function)
            self._views[id(x)] = name
        return self._views[id(x)]

    def _root(self, root: Root) -> str:
        if id(root) not in self._roots:
            prefix = {"constant": "c", "buffer": "b", "fresh": "f", "returned": "r"}.get(
                root.kind, "a"
            )
            name = self._safe(root.name) if root.name else self._new(prefix)
            self._roots[id(root)] = name
            if root.static:
                self.namespace[name] = root.value
                self._comments.append(
                    f"# {name}: {root.kind} {root.value.dtype} {root.value.shape}"
                )
        return self._roots[id(root)]

    def _safe(self, name: str) -> str:
        """Return a name that shadows nothing a plan uses."""
        return f"{name}_" if name in self._taken or iskeyword(name) else name

    def _new(self, prefix: str) -> str:
        self._count += 1
        return f"_{prefix}{self._count}"


def mismatch(name: str, value: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Refuse an input that the plan was not built for."""
    raise ValueError(
        f"plan: {name} is {value.dtype} {value.shape}, expected {dtype} {shape}; "
        "build a plan for these shapes"
    )
