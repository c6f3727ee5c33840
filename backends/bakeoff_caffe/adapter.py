"""Caffe in the worker: a net of layers per program, a solver for training.

Source: https://caffe.berkeleyvision.org/tutorial
"""

import ctypes
import os
import tempfile
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported
from bakeoff_worker.graph import StepNumbers, fused, grow
from bakeoff_worker.program import Node, Program, references

from .operators import PAIRS, UNSUPPORTED, Layers, Top, operators, weights_of, with_biases

Tensor = Any

_NOTES = (
    "a program's input is copied into the net's blob when another tensor comes; in training "
    "that is each batch, in the measured time; results are copied out of blobs",
    "the right-hand side of a matrix product, a convolution's kernel, a dense layer's bias and "
    "what take takes from are parameters of layers",
    "matmul and bias_add are one InnerProduct, a mean of sparse losses is SoftmaxWithLoss, "
    "conv_transpose is Deconvolution, take is Embed",
    "solvers have the rate inside the velocity, which is the same at a constant rate only: "
    "momentum and nesterov are composed under other schedules",
    "composed optimizers are nets of layers, one for each parameter: AdamSolver's epsilon is "
    "outside the bias correction, and there is no AdamW",
    "the wheel kendryte-caffe is Caffe 1.0 with a few layers more",
)
_SOLVERS = {
    "sgd": "SGD",
    "momentum": "SGD",
    "nesterov": "Nesterov",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
}
# Names of hyperparameters in a solver's protocol buffer.
_FIELDS = {
    "momentum": "momentum",
    "decay": "rms_decay",
    "eps": "delta",
}


class CaffeAdapter(Adapter):
    """Caffe 1.0 on the CPU."""

    name = "caffe"
    dtypes = ("int32", "int64", "float32")
    unsupported = dict(UNSUPPORTED, getitem="getitem: Caffe has no layer for it")

    def __init__(self, threads: int = 1) -> None:
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
        os.environ.setdefault("GLOG_minloglevel", "2")
        import caffe
        import numpy

        caffe.set_mode_cpu()
        self.np = numpy
        self.caffe = caffe
        # OpenBLAS is linked into Caffe's own library.
        self._library = ctypes.CDLL(caffe._caffe.__file__)
        self._library.openblas_set_num_threads(threads)
        self.ops = {
            name: op for name, op in operators(Layers(caffe)).items() if name not in PAIRS.values()
        }

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an array of its own, from which blobs are filled."""
        return self.np.array(array, dtype=dtype)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the array itself."""
        return tensor

    def describe(self) -> Dict[str, Any]:
        """Return version and threads as Caffe and its OpenBLAS report them."""
        return {
            "toolkit": "Caffe",
            "version": self.caffe.__version__,
            "device": "cpu",
            "threads": self._library.openblas_get_num_threads(),
            "precision": "float32 only",
            "layout": "channels first (N, C, *spatial)",
            "blas": "OpenBLAS, linked into the library",
            "compiled": False,
            "optimizer_origin": {
                name: "native" if name in _SOLVERS else "composed" for name in self.optimizers
            },
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as a net."""
        if program.kind == "training":
            name, schedule = program.ask["optimizer"], program.ask.get("schedule")
            constant = (schedule or {"name": "constant"})["name"] == "constant"
            native = name in _SOLVERS and (constant or name not in ("momentum", "nesterov"))
            return (Solving if native else Composing)(self, program)
        return Net(self, program)

    def net(self, text: str) -> Any:
        """Return a net of a specification's text; Caffe reads files."""
        with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
            file.write(text)
            file.flush()
            return self.caffe.Net(file.name, self.caffe.TRAIN)

    def specified(self, program: Program) -> "Specification":
        """Return the program as the specification of a net."""
        return Specification(self, program)


class Specification(object):
    """A net's text, and where in it the program's values are.

    Attributes
    ----------
    text
        A ``NetParameter`` as text.
    parameters
        By name of the input: the layer and the place in it of the parameter that it is.
    outputs
        Names of the blobs that are the outputs.
    """

    def __init__(self, adapter: CaffeAdapter, program: Program) -> None:
        caffe = adapter.caffe
        layers = Layers(caffe)
        table = operators(layers)
        joined = fused(with_biases(program), PAIRS)
        weights = set(weights_of(joined))
        spec = caffe.NetSpec()
        symbols: Dict[str, Top] = {}
        for v in program.forward_inputs:
            top = None
            if v.name not in weights:
                top = caffe.layers.Input(shape={"dim": list(v.shape)}, name=v.name)
                setattr(spec, v.name, top)
            symbols[v.name] = Top(top, v.shape, v.name)

        def apply(node: Node, args: Tuple[Any, ...]) -> Top:
            return table[node.op](*args, **node.attrs)

        symbols = grow(joined, symbols, apply)
        # A blob that goes on into other layers does not keep its gradient: give outputs their own.
        used = {name for node in joined.nodes for name in references(node)}
        used |= {v.name for v in program.inputs}
        self.outputs: List[str] = []
        for i, name in enumerate(program.outputs):
            result = symbols[name]
            if name in used or program.outputs.count(name) > 1:
                result = layers.add("Power", [result], result.shape)
            self.outputs.append("output_%d" % i)
            if program.kind != "forward":  # else nothing below it is thought to need a gradient
                result.top.fn.params["loss_weight"] = [1.0]
            setattr(spec, self.outputs[-1], result.top)
        self.parameters = layers.parameters
        # Gradients reach parameters anyhow; data only by force, at which Embed aborts the process.
        forced = any(n not in self.parameters for n in program.ask.get("wrt", []))
        if forced and any(node.op == "take" for node in joined.nodes):
            raise Unsupported("Caffe's Embed cannot be in a net that differentiates in its data")
        self.text = "force_backward: true\n" * forced + str(spec.to_proto())


class Feeder(object):
    """Fills a net's blobs and parameters, each only when another tensor comes for it."""

    def __init__(self, net: Any, places: Sequence[Any]) -> None:
        self._blobs = [self.blob(net, place) for place in places]
        self._held: List[Any] = [None] * len(places)

    @staticmethod
    def blob(net: Any, place: Any) -> Any:
        """Return a blob by name, or a parameter by layer and number."""
        if isinstance(place, tuple):
            return net.params[place[0]][place[1]]
        return net.blobs[place]

    def __call__(self, tensors: Sequence[Tensor]) -> None:
        for i, (blob, tensor) in enumerate(zip(self._blobs, tensors)):
            if self._held[i] is not tensor:
                blob.data[...] = tensor
                self._held[i] = tensor


class Net(object):
    """A forward or gradient program as a net; results are copies of blobs."""

    def __init__(self, adapter: CaffeAdapter, program: Program) -> None:
        self._np = adapter.np
        specified = adapter.specified(program)
        net = self._net = adapter.net(specified.text)
        values = program.values()
        places = [specified.parameters.get(v.name, v.name) for v in program.forward_inputs]
        names = [v.name for v in program.inputs]
        self._feed = Feeder(net, places)
        self._forward = [names.index(v.name) for v in program.forward_inputs]
        self._outputs = [
            (net.blobs[blob], values[name].shape, values[name].dtype)
            for blob, name in zip(specified.outputs, program.outputs)
        ]
        self._wrt = [
            (Feeder.blob(net, specified.parameters.get(n, n)), values[n].shape)
            for n in program.ask.get("wrt", [])
        ]
        self._cotangents = [names.index(n) for n in program.ask.get("cotangents", [])]

    def __call__(self, *tensors: Tensor) -> Tuple[Any, ...]:
        np, net = self._np, self._net
        self._feed([tensors[i] for i in self._forward])
        net._forward(0, len(net.layers) - 1)
        results = tuple(
            np.array(blob.data, dtype=dtype).reshape(shape) for blob, shape, dtype in self._outputs
        )
        if not self._cotangents:
            return results
        for (blob, _, _), i in zip(self._outputs, self._cotangents):
            blob.diff[...] = tensors[i].reshape(blob.diff.shape)
        net.clear_param_diffs()
        net._backward(len(net.layers) - 1, 0)
        return results + tuple(np.array(b.diff).reshape(shape) for b, shape in self._wrt)


class Training(object):
    """What all training has: a net with its parameters, data that come, a rate per step."""

    def __init__(self, adapter: CaffeAdapter, program: Program) -> None:
        ask = program.ask
        self._adapter = adapter
        self._np = adapter.np
        self._specified = adapter.specified(program)
        self._numbers = StepNumbers(program)
        self._optimizer = ask["optimizer"]
        self._names = list(ask["params"])
        for param in self._names:
            if param not in self._specified.parameters:
                raise Unsupported("Caffe trains the parameters of layers: %s is none" % param)
        self._data = [v.name for v in program.data_inputs]
        self._params: List[Any] = []
        self._t = 0

    def _begin(self, net: Any, params: Sequence[Tensor]) -> None:
        """Set the parameters of a net, and its blobs to be filled and read."""
        self.net = net
        self._params = [Feeder.blob(net, self._specified.parameters[n]) for n in self._names]
        for blob, value in zip(self._params, params):
            blob.data[...] = value
        self._feed = Feeder(net, self._data)
        self._loss = net.blobs[self._specified.outputs[0]]
        self._t = 0

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        self._check()
        return tuple(self._np.array(blob.data) for blob in self._params)

    def _check(self) -> None:
        if not self._params:
            raise ValueError("training: no parameters; call load(params) first")


class Solving(Training):
    """A solver that steps, made anew by `load`."""

    def load(self, params: Sequence[Tensor]) -> None:
        """Make a solver with these parameters (copied)."""
        with tempfile.TemporaryDirectory() as folder:
            net, solver = (os.path.join(folder, n) for n in ("net.prototxt", "solver.prototxt"))
            with open(net, "w") as file:
                file.write(self._specified.text)
            with open(solver, "w") as file:
                file.write("\n".join(['train_net: "%s"' % net, *self._settings()]) + "\n")
            self.solver = self._adapter.caffe.get_solver(solver)
        self._begin(self.solver.net, params)

    def _settings(self) -> List[str]:
        fields = {"base_lr": self._numbers.rate(1)}
        fields.update((_FIELDS[k], v) for k, v in self._numbers.hyper.items())
        return [
            *("%s: %.17g" % item for item in sorted(fields.items())),
            'type: "%s"' % _SOLVERS[self._optimizer],
            'lr_policy: "fixed"',  # the rate is set before each step
            *("display: 0", "snapshot: 0", "snapshot_after_train: false", "solver_mode: CPU"),
        ]

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        self._check()
        self._feed(data)
        self._t += 1
        self.solver.param.base_lr = self._numbers.rate(self._t)
        self.solver.step(1)
        return (self._np.array(self._loss.data).reshape(()),)


class Composing(Training):
    """A net for the gradients, and one of layers for each parameter's update."""

    def load(self, params: Sequence[Tensor]) -> None:
        """Make the nets with these parameters (copied)."""
        self._begin(self._adapter.net(self._specified.text), params)
        self._updates = [
            Update(self._adapter, self._numbers, tuple(p.data.shape)) for p in self._params
        ]

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        self._check()
        self._feed(data)
        self._t += 1
        net, last = self.net, len(self.net.layers) - 1
        net._forward(0, last)
        net.clear_param_diffs()
        net._backward(last, 0)
        numbers = self._numbers.at(self._t)
        for param, update in zip(self._params, self._updates):
            update(param, numbers)
        return (self._np.array(self._loss.data).reshape(()),)


class Update(object):
    """An optimizer's equation as a net: blobs ``w``, ``g``, slots and numbers to new values."""

    def __init__(self, adapter: CaffeAdapter, numbers: StepNumbers, shape: Sequence[int]) -> None:
        caffe, definition = adapter.caffe, numbers.definition
        table = operators(Layers(caffe))
        spec = caffe.NetSpec()

        def value(name: str) -> Value:
            top = caffe.layers.Input(shape={"dim": list(shape)}, name=name)
            setattr(spec, name, top)
            return Value(table, Top(top, shape))

        slots = ["slot_" + s for s in definition.slots]
        fed = ["number_" + k for k in numbers.changing]
        k: Dict[str, Any] = dict(numbers.fixed)
        k.update((n, value(f)) for n, f in zip(numbers.changing, fed))
        w, g = value("w"), value("g")
        held = tuple(value(s) for s in slots)
        new, news = definition.update(w, g, held, k, lambda x: Value(table, table["sqrt"](x.top)))
        for name, result in zip(["new_w", *("new_" + s for s in slots)], (new, *news)):
            setattr(spec, name, result.top.top)
        net = self._net = adapter.net(str(spec.to_proto()))
        self._last = len(net.layers) - 1
        self._w, self._g, self._new = (net.blobs[n] for n in ("w", "g", "new_w"))
        self._slots = [(net.blobs[s], net.blobs["new_" + s]) for s in slots]
        self._numbers = [net.blobs[f] for f in fed]
        for old, _ in self._slots:
            old.data[...] = 0

    def __call__(self, param: Any, numbers: Sequence[float]) -> None:
        """Replace a parameter's values."""
        self._w.data[...] = param.data
        self._g.data[...] = param.diff
        for blob, number in zip(self._numbers, numbers):
            blob.data[...] = number
        self._net._forward(0, self._last)
        param.data[...] = self._new.data
        for old, new in self._slots:
            old.data[...] = new.data


class Value(object):
    """A layer's result with arithmetic: ``+ - * /`` add layers."""

    def __init__(self, table: Mapping[str, Any], top: Top) -> None:
        self._table = table
        self.top = top

    def _with(self, op: str, a: Any, b: Any) -> "Value":
        a, b = (x.top if isinstance(x, Value) else x for x in (a, b))
        return Value(self._table, self._table[op](a, b))

    def __add__(self, other: Any) -> "Value":
        return self._with("add", self, other)

    def __sub__(self, other: Any) -> "Value":
        return self._with("subtract", self, other)

    def __mul__(self, other: Any) -> "Value":
        return self._with("multiply", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Value":
        return self._with("multiply", self, self._with("pow", other, -1.0))  # no layer divides
