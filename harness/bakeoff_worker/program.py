"""The neutral program: a traced workload as data, and its straight-line Python.

A program is a list of op applications with shapes and dtypes. It is plain
JSON, so it can be run in another process, another Python version or another
language. Written for Python 3.6 and later: it runs in every worker.
"""

import re
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

FORMAT = 1  # version history: 1 = first

_IDENTIFIER = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_ASKS = ("forward", "gradient", "training")


class ProgramError(ValueError):
    """A program that is damaged or of another format."""


class Value(NamedTuple):
    """A named tensor: an input of a program."""

    name: str
    shape: Tuple[int, ...]
    dtype: str


class Node(NamedTuple):
    """One op application.

    ``args`` holds what stands for the op's tensors: a ``str`` names a value, an
    ``int``, ``float`` or ``bool`` is a scalar operand, a tuple of ``str`` is a
    sequence of tensors (``concat``, ``stack``). ``attrs`` are canonical.
    """

    name: str
    op: str
    args: Tuple[Any, ...]
    attrs: Dict[str, Any]
    shape: Tuple[int, ...]
    dtype: str


class Program(NamedTuple):
    """A workload as data: inputs, op applications in order, outputs, and what is asked.

    ``ask`` is one of::

        {"kind": "forward"}
        {"kind": "gradient", "wrt": [...], "cotangents": [...]}
        {"kind": "training", "params": [...], "optimizer": "adam",
         "hyper": {"lr": 0.01}, "schedule": {"name": "constant"}}
    """

    name: str
    inputs: Tuple[Value, ...]
    nodes: Tuple[Node, ...]
    outputs: Tuple[str, ...]
    ask: Dict[str, Any]

    @property
    def kind(self) -> str:
        """``forward``, ``gradient`` or ``training``."""
        return str(self.ask["kind"])

    @property
    def forward_inputs(self) -> Tuple[Value, ...]:
        """The inputs of the forward computation: all but the cotangents."""
        cotangents = set(self.ask.get("cotangents", ()))
        return tuple(v for v in self.inputs if v.name not in cotangents)

    @property
    def data_inputs(self) -> Tuple[Value, ...]:
        """The inputs of one training step: all but the parameters."""
        params = set(self.ask.get("params", ()))
        return tuple(v for v in self.inputs if v.name not in params)

    def values(self) -> Dict[str, Value]:
        """Every named value, inputs and results, by name."""
        table = {v.name: v for v in self.inputs}
        for n in self.nodes:
            table[n.name] = Value(n.name, n.shape, n.dtype)
        return table

    def to_json(self) -> Dict[str, Any]:
        """Return JSON-serialisable data; `from_json` is its inverse."""
        return {
            "format": FORMAT,
            "name": self.name,
            "inputs": [[v.name, list(v.shape), v.dtype] for v in self.inputs],
            "nodes": [
                {
                    "name": n.name,
                    "op": n.op,
                    "args": _listed(n.args),
                    "attrs": {k: _listed(v) for k, v in n.attrs.items()},
                    "shape": list(n.shape),
                    "dtype": n.dtype,
                }
                for n in self.nodes
            ],
            "outputs": list(self.outputs),
            "ask": self.ask,
        }

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "Program":
        """Build a program from `to_json`'s data.

        Raises
        ------
        ProgramError
            If the format is another, a name is no identifier, or a value is used
            before it is defined.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            got = data.get("format") if isinstance(data, dict) else type(data).__name__
            raise ProgramError(
                "program: format %r, expected %d; trace the workload again" % (got, FORMAT)
            )
        try:
            program = cls(
                name=str(data["name"]),
                inputs=tuple(Value(n, tuple(s), d) for n, s, d in data["inputs"]),
                nodes=tuple(
                    Node(
                        n["name"],
                        n["op"],
                        _tupled(n["args"]),
                        {k: _tupled(v) for k, v in n["attrs"].items()},
                        tuple(n["shape"]),
                        n["dtype"],
                    )
                    for n in data["nodes"]
                ),
                outputs=tuple(data["outputs"]),
                ask=dict(data["ask"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProgramError("program: damaged data (%s: %s)" % (type(error).__name__, error))
        check(program)
        return program


def _listed(value: Any) -> Any:
    return [_listed(v) for v in value] if isinstance(value, (tuple, list)) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, (tuple, list)) else value


def references(node: Node) -> List[str]:
    """Return the names of the values that a node reads, in order."""
    names = []  # type: List[str]
    for arg in node.args:
        if isinstance(arg, str):
            names.append(arg)
        elif isinstance(arg, tuple):
            names.extend(arg)
    return names


def check(program: Program) -> None:
    """Raise `ProgramError` unless names are identifiers, unique, and defined before use."""
    known = set()
    for name in [v.name for v in program.inputs] + [n.name for n in program.nodes]:
        if not isinstance(name, str) or not _IDENTIFIER.match(name) or name in known:
            raise ProgramError("program %s: bad or repeated name %r" % (program.name, name))
        known.add(name)
    defined = {v.name for v in program.inputs}
    for node in program.nodes:
        if not isinstance(node.op, str) or not _IDENTIFIER.match(node.op):
            raise ProgramError("program %s: bad op name %r" % (program.name, node.op))
        for name in references(node):
            if name not in defined:
                raise ProgramError(
                    "program %s: %s reads %r before it is defined" % (program.name, node.name, name)
                )
        defined.add(node.name)
    if program.ask.get("kind") not in _ASKS:
        raise ProgramError(
            "program %s: ask %r, expected one of %s"
            % (program.name, program.ask.get("kind"), ", ".join(_ASKS))
        )
    inputs = {v.name for v in program.inputs}
    for key in ("wrt", "cotangents", "params"):
        for name in program.ask.get(key, ()):
            if name not in inputs:
                raise ProgramError("program %s: %s %r is no input" % (program.name, key, name))
    for name in program.outputs:
        if name not in defined:
            raise ProgramError("program %s: output %r is not defined" % (program.name, name))


def source(program: Program) -> str:
    """Return straight-line Python for the forward computation, one line per op.

    Ops and attributes are bound as ``_op_matmul`` and ``_attrs_3`` in the namespace
    that `straight_line` supplies, so the text holds only names and numbers.
    """
    lines = ["def program(%s):" % ", ".join(v.name for v in program.forward_inputs)]
    for i, node in enumerate(program.nodes):
        args = [_argument(a) for a in node.args]
        if node.attrs:
            args.append("**_attrs_%d" % i)
        lines.append("    %s = _op_%s(%s)" % (node.name, node.op, ", ".join(args)))
    lines.append("    return (%s,)" % ", ".join(program.outputs))
    return "\n".join(lines) + "\n"


def _argument(arg: Any) -> str:
    if isinstance(arg, str):
        return arg
    if isinstance(arg, tuple):
        return "(%s,)" % ", ".join(arg)
    if arg in (float("inf"), float("-inf")) or arg != arg:
        return "_float(%r)" % repr(arg)
    return repr(arg)


def straight_line(program: Program, ops: Dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Compile a program over an adapter's ops, so that interpreting costs nothing per op.

    Parameters
    ----------
    program
        The program; only its forward computation is compiled.
    ops
        Callables by catalogue name.

    Returns
    -------
    callable
        ``fn(*tensors)``, one per `Program.forward_inputs`; returns a tuple of outputs.

    Raises
    ------
    KeyError
        The name of an op that ``ops`` lacks.
    """
    check(program)
    namespace = {"_float": float}  # type: Dict[str, Any]
    for i, node in enumerate(program.nodes):
        namespace["_op_" + node.op] = ops[node.op]
        namespace["_attrs_%d" % i] = node.attrs
    # The text is made of identifiers that `check` has matched and of repr(number) only.
    exec(compile(source(program), "<program %s>" % program.name, "exec"), namespace)
    return namespace["program"]  # type: ignore[no-any-return]
