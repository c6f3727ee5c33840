"""From a list of op applications to a plan: run the tape on a recorder, then write it out."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple, Protocol

from bakeoff_reference.arrays import NUMPY, Array
from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.engine import Engine
from bakeoff_reference.plan.memory import give_away, needed, place
from bakeoff_reference.plan.recorded import Recorded, Scalar
from bakeoff_reference.plan.recorder import Loops, Recorder
from bakeoff_reference.plan.source import Writer
from bakeoff_reference.plan.swift import SwiftRecorder
from bakeoff_reference.tape import backward_pass
from bakeoff_reference.tensor import Tensor


class Node(Protocol):
    """An op application: what programs and graphs have in common."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def attrs(self) -> Mapping[str, Any]: ...


class Input(NamedTuple):
    """A named tensor that a plan is fed."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Plan:
    """Straight-line Python over preallocated memory, for one set of shapes.

    Attributes
    ----------
    source
        The text, to print and read. Names of buffers and hoisted views are listed above it.
    workspace_bytes
        Memory of all buffers together.

    Calling it returns arrays of their own, which later calls do not change. The buffers are
    shared between calls, so a call while another is under way is refused.
    """

    def __init__(
        self, name: str, inputs: Sequence[Recorded], scalars: Sequence[Scalar],
        recorder: Recorder, outputs: Sequence[Recorded],
    ) -> None:  # fmt: skip
        statements = needed(recorder.statements, outputs)
        loops = recorder.loops
        if loops is not None:
            statements = loops.fused(statements, outputs)
        give_away(outputs)
        self.workspace_bytes = place(statements, outputs)
        writer = Writer(name)
        self.source = writer.write(inputs, scalars, statements, outputs)
        file = f"<plan {name}>"
        if loops is not None:
            file = loops.file_of(self.source) or file
            writer.namespace.update(loops.names())
        # The text is made of names that the writer chose or that are identifiers of the program's
        # inputs, and of repr of numbers, tuples and strings.
        exec(compile(self.source, file, "exec"), writer.namespace)
        for s in statements:
            if loops is not None and s.definition:
                loops.specialise(writer.namespace[s.name], s.args)
        self._step = writer.namespace["step"]
        self._lock = Lock()

    def __call__(self, *arrays: Array, **scalars: float) -> tuple[Array, ...]:
        """Run the plan on arrays of exactly the shapes and dtypes it was built for."""
        if not self._lock.acquire(False):
            raise RuntimeError(
                "plan: called while another call is under way; build one plan per thread"
            )
        try:
            return self._step(*arrays, **scalars)  # type: ignore[no-any-return]
        finally:
            self._lock.release()


class Recording:
    """A tape over a recorder: named tensors, and ops applied to them."""

    def __init__(self, conv: ConvSettings = DEFAULT, *, loops: Loops | None = None) -> None:
        self.recorder = SwiftRecorder(conv) if loops is None else Recorder(conv, loops=loops)
        self.engine = Engine(self.recorder)
        self.values: dict[str, Tensor] = {}

    def feed(self, given: Input, *, tracked: bool = False) -> Recorded:
        """Add an input."""
        if not given.name.isidentifier():
            raise ValueError(f"plan: input {given.name!r}, expected an identifier")
        # zeros are valid indices, ones are harmless floats
        filled = NUMPY.ones if given.dtype.startswith("float") else NUMPY.zeros
        return self.add(given.name, self.recorder.array(
            filled(given.shape, given.dtype), "input", given.name), tracked=tracked)  # fmt: skip

    def add(self, name: str, array: Recorded, *, tracked: bool = False) -> Recorded:
        """Name an array."""
        self.values[name] = self.engine.wrap(array, tracked=tracked)
        return array

    def apply(self, nodes: Sequence[Node]) -> None:
        """Apply ops, in order."""
        with NUMPY.errstate(all="ignore"):
            for node in nodes:
                args = [self._argument(a) for a in node.args]
                self.values[node.name] = self.engine.ops[node.op](*args, **node.attrs)

    def _argument(self, arg: Any) -> Any:
        if isinstance(arg, str):
            return self.values[arg]
        return tuple(map(self._argument, arg)) if isinstance(arg, tuple) else arg

    def arrays(self, names: Sequence[str]) -> list[Recorded]:
        """Return the named arrays."""
        return [self.values[n].value for n in names]

    def gradients(
        self, ends: Sequence[str], cotangents: Sequence[Recorded], wrt: Sequence[str]
    ) -> list[Recorded]:
        """Return the gradients of tracked inputs; zeros where nothing depends on one."""
        with NUMPY.errstate(all="ignore"):
            table = backward_pass(self.recorder, [self.values[e] for e in ends], cotangents)
        inputs = [self.values[n] for n in wrt]
        return [
            table[id(t)]
            if id(t) in table
            else self.recorder.array(NUMPY.zeros(t.shape, t.dtype), "constant")
            for t in inputs
        ]


def forward_plan(
    name: str, inputs: Sequence[Input], nodes: Sequence[Node], outputs: Sequence[str],
    conv: ConvSettings = DEFAULT, *, loops: Loops | None = None,
) -> Plan:  # fmt: skip
    """Return a plan from inputs to outputs."""
    recording = Recording(conv, loops=loops)
    fed = [recording.feed(i) for i in inputs]
    recording.apply(nodes)
    return Plan(name, fed, (), recording.recorder, recording.arrays(outputs))


def gradient_plan(
    name: str, inputs: Sequence[Input], nodes: Sequence[Node], outputs: Sequence[str],
    wrt: Sequence[str], cotangents: Sequence[str], conv: ConvSettings = DEFAULT, *,
    loops: Loops | None = None,
) -> Plan:  # fmt: skip
    """Return a plan from inputs, cotangents among them, to outputs and gradients.

    Without cotangents the outputs are scalars, and their cotangents 1.
    """
    recording = Recording(conv, loops=loops)
    fed = [recording.feed(i, tracked=i.name in wrt) for i in inputs]
    recording.apply(nodes)
    values = recording.arrays(outputs)
    given = recording.arrays(cotangents) if cotangents else ones(recording, values)
    grads = recording.gradients(outputs, given, wrt)
    return Plan(name, fed, (), recording.recorder, [*values, *grads])


def ones(recording: Recording, values: Sequence[Recorded]) -> list[Recorded]:
    """Return constant cotangents of scalars."""
    for v in values:
        if v.size != 1:
            raise ValueError(f"plan: output of shape {v.shape} without a cotangent, expected one")
    return [recording.recorder.array(NUMPY.ones(v.shape, v.dtype), "constant") for v in values]
