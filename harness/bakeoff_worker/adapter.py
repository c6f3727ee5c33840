"""The base class of adapters: what a toolkit must offer, and defaults for the rest.

An adapter is the only code that imports its toolkit, in ``__init__``. With ``ops``,
`Adapter.tensor`, `Adapter.to_numpy` and `Adapter.value_and_grad` a toolkit is
complete: programs become straight-line Python over its ops, and optimizers are
composed from their definitions. A toolkit of graphs, sessions or whole nets
overrides `Adapter.compile`.
"""

import operator
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import optimizers, schedules
from bakeoff_worker.program import Program, straight_line

Tensor = Any  # a toolkit's own array type
Gradient = Callable[..., Tuple[Tuple[Tensor, ...], Tuple[Tensor, ...]]]


class Unsupported(Exception):
    """A program that the toolkit cannot run; the message is the reason, in its words."""


class Adapter(object):
    """One toolkit. Subclasses import it in ``__init__(self, threads=1, **mode)``.

    Attributes
    ----------
    name
        The backend's name.
    dtypes, asks
        What is offered: dtype names, and ``"forward"``, ``"gradient"``, ``"training"``.
    ops
        Callables by catalogue name; attributes come canonical, by keyword.
    unsupported
        Why an op is missing, by its name.
    optimizers
        Names offered; by default every optimizer of the catalogue, composed.
    """

    name = ""
    dtypes: Sequence[str] = ("float32",)
    asks: Sequence[str] = ("forward", "gradient", "training")
    ops: Mapping[str, Callable[..., Tensor]] = {}
    unsupported: Mapping[str, str] = {}
    optimizers: Sequence[str] = tuple(optimizers.DEFINITIONS)

    def __init__(self, threads: int = 1, **mode: Any) -> None:
        if mode:
            raise TypeError(
                "%s: unknown mode %s; expected none"
                % (type(self).__name__, ", ".join(sorted(mode)))
            )

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return the toolkit's tensor of a NumPy array's values; it must own its memory."""
        raise NotImplementedError("%s.tensor" % type(self).__name__)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the values as a NumPy array (bfloat16 as float32)."""
        raise NotImplementedError("%s.to_numpy" % type(self).__name__)

    def value_and_grad(self, fn: Callable[..., Tuple[Tensor, ...]], wrt: Sequence[int]) -> Gradient:
        """Return ``g(args, cotangents) -> (outputs, grads)``.

        ``fn(*args)`` gives a tuple of outputs, ``wrt`` are positions in ``args``, and
        ``cotangents`` is a tuple of tensors, one per output, or None for one scalar
        output whose cotangent is 1.
        """
        raise Unsupported("%s offers no gradients" % (self.name or type(self).__name__))

    def optimizer(self, name: str, hyper: Mapping[str, float]) -> Any:
        """Return the named optimizer: ``init(params)`` and ``update(params, grads, …)``.

        The default composes it from its definition and the toolkit's own arithmetic.
        """
        return optimizers.Composed(name, hyper, self.ops["sqrt"], self.ops["zeros_like"])

    def synchronize(self, values: Any = None) -> None:
        """Return when all queued work, or what makes ``values``, is done.

        The default is right for toolkits that compute before they return.
        """

    def device_timer(self) -> Any:
        """Return the device's timer (`bakeoff_worker.device.DeviceTimer`), if it has events.

        Asked once, when the toolkit is loaded, and kept. None: the host's clock alone.
        """
        return None

    def describe(self) -> Dict[str, Any]:
        """Return toolkit, version, device, threads as read back, precision, modes, notes …

        ``modes`` are the toolkit's own settings of precision, read back: ``tf32`` (float32
        products may be of operands rounded to fewer bits), ``fast_math`` (sums reordered,
        functions approximated), ``accumulate`` (the dtype of sums of 16-bit products). One
        that the toolkit lacks is left out.
        """
        return {"toolkit": self.name}

    def device_of(self, tensor: Tensor) -> Optional[str]:
        """Return where a tensor lies, in the words of `Backend.device`; None: not known."""
        return None

    def release(self) -> None:
        """Give cached device memory back; called when a program is put away."""

    def memory(self) -> Dict[str, int]:
        """Return the toolkit's own memory figures, such as ``device_peak_bytes``."""
        return {}

    def compile(self, program: Program) -> Any:
        """Return the program ready to run: straight-line Python over `ops`."""
        fn = straight_line(program, dict(self.ops))
        if program.kind == "forward":
            return fn
        if program.kind == "gradient":
            return GradientExecutable(self, program, fn)
        return TrainingExecutable(self, program, fn)


class GradientExecutable(object):
    """Outputs, then gradients in ``wrt`` order, of a compiled function."""

    def __init__(self, adapter: Any, program: Program, fn: Callable[..., Any]) -> None:
        names = [v.name for v in program.inputs]
        forward = [v.name for v in program.forward_inputs]
        self._gradient = adapter.value_and_grad(fn, [forward.index(n) for n in program.ask["wrt"]])
        self._arguments = _getter([names.index(n) for n in forward])
        self._cotangents = _getter([names.index(n) for n in program.ask["cotangents"]])

    def __call__(self, *tensors: Tensor) -> Tuple[Tensor, ...]:
        outputs, grads = self._gradient(self._arguments(tensors), self._cotangents(tensors))
        return tuple(outputs) + tuple(grads)


class TrainingExecutable(object):
    """One optimizer step per call; returns the loss before the update."""

    def __init__(self, adapter: Any, program: Program, fn: Callable[..., Any]) -> None:
        ask = program.ask
        names = [v.name for v in program.inputs]
        types = {v.name: v.dtype for v in program.inputs}
        self._adapter = adapter
        self._dtypes = [types[n] for n in ask["params"]]
        self._wrt = [names.index(n) for n in ask["params"]]
        self._data = [names.index(v.name) for v in program.data_inputs]
        self._gradient = adapter.value_and_grad(fn, self._wrt)
        self._optimizer = adapter.optimizer(ask["optimizer"], ask["hyper"])
        self._lr = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        self._arguments: List[Any] = [None] * len(names)
        self._params: Optional[Sequence[Tensor]] = None
        self._state: Any = None
        self._t = 0

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied) and forget the optimizer's state."""
        self._params = self._copy(params)
        self._state = self._optimizer.init(self._params)
        self._t = 0

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        return tuple(self._copy(self._loaded()))

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        params = self._loaded()
        arguments = self._arguments
        for position, tensor in zip(self._wrt, params):
            arguments[position] = tensor
        for position, tensor in zip(self._data, data):
            arguments[position] = tensor
        outputs, grads = self._gradient(tuple(arguments), None)
        lr = self._lr(self._t)
        self._t += 1
        self._params, self._state = self._optimizer.update(params, grads, self._state, lr, self._t)
        return (outputs[0],)

    def _loaded(self) -> Sequence[Tensor]:
        if self._params is None:
            raise ValueError("training: no parameters; call load(params) first")
        return self._params

    def _copy(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        adapter = self._adapter
        return [
            adapter.tensor(adapter.to_numpy(t).copy(), d) for t, d in zip(tensors, self._dtypes)
        ]


def _getter(positions: List[int]) -> Callable[[Sequence[Tensor]], Tuple[Tensor, ...]]:
    """Return what takes these positions out of a tuple; neighbours by one slice."""
    start = positions[0] if positions else 0
    if positions == list(range(start, start + len(positions))):
        return operator.itemgetter(slice(start, start + len(positions)))
    return operator.itemgetter(*positions)  # two or more, so it gives a tuple


def refusal(adapter: Any, program: Program) -> Optional[str]:
    """Return why an adapter cannot run a program, or None if nothing speaks against it."""
    if program.kind not in adapter.asks:
        return "no %s (offers %s)" % (program.kind, ", ".join(adapter.asks))
    for value in program.values().values():
        if value.dtype not in adapter.dtypes:
            return "no %s (offers %s)" % (value.dtype, ", ".join(adapter.dtypes))
    for node in program.nodes:
        if node.op not in adapter.ops:
            reasons: Mapping[str, str] = getattr(adapter, "unsupported", {})
            return reasons.get(node.op, "op %s is not offered" % node.op)
    if program.kind == "training" and program.ask["optimizer"] not in adapter.optimizers:
        return "optimizer %s is not offered" % program.ask["optimizer"]
    return None
