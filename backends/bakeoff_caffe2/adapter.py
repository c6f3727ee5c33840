"""Caffe2 in the worker: nets over the workspace's blobs, with gradient operators added.

Source: https://caffe2.ai/docs
"""

import re
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported
from bakeoff_worker.graph import StepNumbers, fused, grow, reaching
from bakeoff_worker.program import Node, Program

from .blobs import Blob, Net, Pool, Symbol
from .operators import PAIRS, UNSUPPORTED, operators
from .windows import windows

Tensor = Any

_COMPOSED = ("rmsprop", "adam", "adamw")
_NOTES = (
    "tensors are blobs of the workspace; results are fetched from it as NumPy arrays, in the "
    "measured time, for a net writes into the same blobs every time it runs",
    "matmul and bias_add are FCTransposed; a mean of sparse losses is SoftmaxWithLoss",
    "a net is bound to its blobs by name: there is one for each batch that lies ready",
    "MomentumSGDUpdate has the rate inside the velocity, which differs where the rate changes: "
    "momentum and nesterov are composed under a schedule that is not constant",
    "composed optimizers: Adam's epsilon is outside the bias correction, RmsProp's is inside the "
    "root, and there is no AdamW",
)


def table_of(net: Net) -> Dict[str, Any]:
    """Return all ops, as functions that add to the net."""
    return dict(operators(net), **windows(net))


class Caffe2Adapter(Adapter):
    """Caffe2 on the CPU, as PyTorch's wheels carried it."""

    name = "caffe2"
    dtypes = ("bool", "int32", "int64", "float32")
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        import numpy
        import torch
        from caffe2.python import core, workspace

        workspace.GlobalInit(
            [
                "caffe2",
                "--caffe2_log_level=2",
                "--caffe2_omp_num_threads=%d" % threads,
                "--caffe2_mkl_num_threads=%d" % threads,
            ]
        )
        torch.set_num_threads(threads)
        self.np = numpy
        self.core = core
        self.workspace = workspace
        self._torch = torch
        self._pool = Pool(workspace)
        self.ops = {
            name: op for name, op in table_of(Net(core, "table")).items()
            if name not in PAIRS.values()
        }  # fmt: skip

    def tensor(self, array: Any, dtype: str) -> Blob:
        """Return a blob with a copy of the values."""
        return self._pool.blob(self.np.ascontiguousarray(array, dtype=dtype).reshape(array.shape))

    def to_numpy(self, tensor: Any) -> Any:
        """Return a copy of a blob's values, or the array that a result already is."""
        return self.workspace.FetchBlob(tensor.name) if isinstance(tensor, Blob) else tensor

    def release(self) -> None:
        """Empty the workspace."""
        self.workspace.ResetWorkspace()

    def describe(self) -> Dict[str, Any]:
        """Return version, threads and library as PyTorch's build of Caffe2 reports them."""
        origin = dict.fromkeys(self.optimizers, "native")
        origin.update(dict.fromkeys(_COMPOSED, "composed"))
        return {
            "toolkit": "Caffe2",
            "version": "in PyTorch %s" % self._torch.__version__,
            "device": "cpu",
            "threads": self._torch.get_num_threads(),
            "precision": "float32 only",
            "layout": "channels first (N, C, *spatial)",
            "blas": "MKL" if self._torch.has_mkl else "Eigen",
            "compiled": False,
            "optimizer_origin": origin,
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as nets, created at the first call for the blobs that come."""
        if program.kind == "training":
            return Training(self, program)
        net, symbols = self.grown(program, program.inputs)
        wanted = [symbols[name].name for name in program.outputs]
        if program.kind == "gradient":
            wanted += self._gradients(net, program, symbols)
        return Bound(self, net, [symbols[v.name].name for v in program.inputs], wanted)

    def grown(self, program: Program, inputs: Any) -> Tuple[Net, Dict[str, Symbol]]:
        """Return the program's net, and the symbols of all values."""
        net = Net(self.core, program.name)
        table = table_of(net)
        symbols = {v.name: Symbol(net, net.name(), v.shape, v.dtype) for v in inputs}
        for symbol in symbols.values():
            net.net.AddExternalInput(symbol.name)

        def apply(node: Node, args: Tuple[Any, ...]) -> Symbol:
            result: Symbol = table[node.op](*args, **node.attrs)
            return result

        return net, grow(fused(program, PAIRS), symbols, apply)

    def _gradients(self, net: Net, program: Program, symbols: Mapping[str, Symbol]) -> List[str]:
        ends: Dict[str, str] = {}
        for name, cotangent in zip(program.outputs, program.ask["cotangents"]):
            if name in ends:
                raise Unsupported("Caffe2: the same output twice has no gradient")
            ends[symbols[name].name] = symbols[cotangent].name
        return gradients(net, ends, [symbols[n] for n in program.ask["wrt"]], [
            bool(reaching(program)[n]) for n in program.ask["wrt"]
        ])  # fmt: skip


def gradients(net: Net, ends: Any, wrt: Sequence[Symbol], reached: Sequence[bool]) -> List[str]:
    """Add gradient operators and return the names of the gradients; zeros where none reach."""
    try:
        found = net.net.AddGradientOperators(ends)
    except Exception as error:  # Caffe2 has no type of its own for it
        operator = re.search(r"gradient for \[(\w+)\]", str(error))
        if operator is None:
            raise
        raise Unsupported("Caffe2 has no gradient of its operator %s" % operator.group(1))
    names = []
    for symbol, reaches in zip(wrt, reached):
        if symbol.name in found:
            names.append(str(found[symbol.name]))
        elif reaches:
            raise Unsupported("Caffe2 has no gradient of an operator here in one of its inputs")
        else:
            names.append(net.constant(0, symbol.shape, symbol.dtype).name)
    return names


class Bound(object):
    """A net for every set of blobs that it is called with; ``template`` is what they are made of.

    Parameters
    ----------
    inputs
        Names of the template's blobs that stand for the arguments.
    wanted
        Names of the blobs to fetch.
    """

    def __init__(
        self, adapter: Caffe2Adapter, template: Net, inputs: Sequence[str], wanted: Sequence[str]
    ) -> None:
        self.template = template
        self._workspace = adapter.workspace
        self._inputs = list(inputs)
        self._wanted = list(wanted)
        self._nets: Dict[Tuple[str, ...], Tuple[str, List[str]]] = {}
        self._workspace.RunNetOnce(template.constants)

    def __call__(self, *tensors: Blob) -> Tuple[Any, ...]:
        names = tuple(t.name for t in tensors)
        bound = self._nets.get(names)
        if bound is None:
            bound = self._nets[names] = self._bind(names)
        self._workspace.RunNet(bound[0])
        return tuple(self._workspace.FetchBlob(name) for name in bound[1])

    def _bind(self, names: Tuple[str, ...]) -> Tuple[str, List[str]]:
        remap = dict(zip(self._inputs, names))
        net = self.template.net.Clone("bound", remap)
        self._workspace.CreateNet(net)
        return net.Proto().name, [remap.get(name, name) for name in self._wanted]


class Training(object):
    """A net that runs forward, backward and update on a batch; ``template`` is its net."""

    def __init__(self, adapter: Caffe2Adapter, program: Program) -> None:
        ask = program.ask
        self._adapter = adapter
        net, symbols = adapter.grown(program, program.inputs)
        self._params = [symbols[n] for n in ask["params"]]
        (loss,) = [symbols[n] for n in program.outputs]
        reached = [bool(reaching(program)[n]) for n in ask["params"]]
        names = gradients(net, [loss.name], self._params, reached)
        self._slots: List[Symbol] = []
        grads = [Symbol(net, g, p.shape) for g, p in zip(names, self._params)]
        numbers = StepNumbers(program)
        native = _native(ask["optimizer"], ask.get("schedule"))
        if native is None:
            self._composed(net, numbers, grads)
        else:
            self._numbers_at: Callable[[int], List[float]] = lambda t: [-numbers.rate(t)]
            if native is _momentum:  # the only one that subtracts
                self._numbers_at = lambda t: [numbers.rate(t)]
            self._fed = [self._input(net)]
            for p, g in zip(self._params, grads):
                slots = [self._slot(net, p) for _ in numbers.definition.slots]
                native(net, p, g, slots, self._fed[0], numbers.hyper, ask["optimizer"])
        data = [symbols[v.name].name for v in program.data_inputs]
        self._bound = Bound(adapter, net, data, [loss.name])
        self.template = net
        self._sent: List[float] = []
        self._t = 0
        self._loaded = False

    def _composed(self, net: Net, numbers: StepNumbers, grads: Sequence[Symbol]) -> None:
        self._numbers_at = numbers.at
        self._fed = [self._input(net) for _ in numbers.changing]
        k: Dict[str, Any] = dict(numbers.fixed)
        k.update(zip(numbers.changing, self._fed))
        table = table_of(net)
        updates: List[Tuple[Symbol, Symbol]] = []
        for p, g in zip(self._params, grads):
            slots = tuple(self._slot(net, p) for _ in numbers.definition.slots)
            new, new_slots = numbers.definition.update(p, g, slots, k, table["sqrt"])
            updates.append((p, new))
            updates.extend(zip(slots, new_slots))
        for old, new in updates:
            net.net.Copy([new.name], [old.name])

    def _input(self, net: Net, shape: Tuple[int, ...] = (1,)) -> Symbol:
        symbol = Symbol(net, net.name(), shape)
        net.net.AddExternalInput(symbol.name)
        return symbol

    def _slot(self, net: Net, param: Symbol) -> Symbol:
        slot = self._input(net, param.shape)
        self._slots.append(slot)
        return slot

    def load(self, params: Sequence[Blob]) -> None:
        """Set the parameters' blobs (copied) and zero the optimizer's."""
        adapter = self._adapter
        feed, np = adapter.workspace.FeedBlob, adapter.np
        for symbol, value in zip(self._params, params):
            feed(symbol.name, adapter.to_numpy(value))
        for slot in self._slots:
            feed(slot.name, np.zeros(slot.shape, "float32"))
        self._sent = []
        self._t = 0
        self._loaded = True

    def params(self) -> Tuple[Blob, ...]:
        """Return copies of the present parameters."""
        self._check()
        fetch = self._adapter.workspace.FetchBlob
        return tuple(self._adapter.tensor(fetch(p.name), p.dtype) for p in self._params)

    def __call__(self, *data: Blob) -> Tuple[Any, ...]:
        self._check()
        self._t += 1
        numbers = self._numbers_at(self._t)
        if numbers != self._sent:
            np, feed = self._adapter.np, self._adapter.workspace.FeedBlob
            for symbol, number in zip(self._fed, numbers):
                feed(symbol.name, np.array([number], "float32"))
            self._sent = numbers
        return self._bound(*data)

    def _check(self) -> None:
        if not self._loaded:
            raise ValueError("training: no parameters; call load(params) first")


# --- Caffe2's own optimizers where their equations are the catalogue's -------------------------


def _native(name: str, schedule: Any) -> Any:
    constant = (schedule or {"name": "constant"})["name"] == "constant"
    if name in ("momentum", "nesterov"):
        return _momentum if constant else None
    return {"sgd": _sgd, "adagrad": _adagrad}.get(name)


def _sgd(net: Net, p: Symbol, g: Symbol, slots: Any, lr: Symbol, hyper: Any, name: str) -> None:
    one = net.constant(1.0, (1,), "float32")
    net.net.WeightedSum([p.name, one.name, g.name, lr.name], [p.name])


def _momentum(
    net: Net, p: Symbol, g: Symbol, slots: Any, lr: Symbol, hyper: Any, name: str
) -> None:
    net.net.MomentumSGDUpdate(
        [g.name, slots[0].name, lr.name, p.name],
        [net.name(), slots[0].name, p.name],
        momentum=hyper["momentum"],
        nesterov=int(name == "nesterov"),
    )


def _adagrad(net: Net, p: Symbol, g: Symbol, slots: Any, lr: Symbol, hyper: Any, name: str) -> None:
    net.net.Adagrad(
        [p.name, slots[0].name, g.name, lr.name], [p.name, slots[0].name], epsilon=hyper["eps"]
    )
