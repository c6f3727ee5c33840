"""MXNet in the worker: imperative, or through a hybridised Gluon block.

Source: https://mxnet.apache.org/versions/1.9.1/api/python
"""

import ctypes
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, blas, optimizers, schedules
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import COPY, with_own_outputs
from bakeoff_worker.program import Program, references, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

# Results of these may share memory with their first argument.
_VIEWS = frozenset(["reshape", "permute_dims", "broadcast_to", "getitem", "astype"])
_NATIVE = ("sgd", "momentum", "nesterov")
_VELOCITY = (
    "native: its velocity holds the rate, another equation when that changes; composed there, "
    "and in float64"
)
_ORIGINS = {
    "sgd": "native: composed in float64",
    "momentum": _VELOCITY,
    "nesterov": _VELOCITY,
    "adam": "composed: mx.optimizer.Adam computes 1 - beta2 in float32, which is 1e-5 off",
    "adagrad": "composed: mx.optimizer.AdaGrad has eps inside the root",
    "rmsprop": "composed: mx.optimizer.RMSProp has eps inside the root",
    "adamw": "composed: mx.optimizer has none",
}
_NOTES = (
    "NumPy semantics (npx.set_np), so that scalars have no dimensions",
    "optimizers hold their hyperparameters in float32: in float64 they are composed",
    "results that would be views of inputs (reshape, permute_dims, getitem, ...) are copied",
    "losses are written as gluon.loss computes them, but without its mean over the rows",
    "composed: logsumexp, silu, dropout with given noise",
)


class MxnetAdapter(Adapter):
    """MXNet on the CPU.

    Parameters
    ----------
    threads
        For its OpenMP loops; the engine's own threads are set by variables.
    hybrid
        Trace programs to symbols, in a ``HybridBlock`` with ``static_alloc``.
    """

    dtypes = ("bool", "int32", "int64", "float32", "float64")

    def __init__(self, threads: int = 1, hybrid: bool = False) -> None:
        import mxnet
        import numpy

        mxnet.base.check_call(mxnet.base._LIB.MXSetNumOMPThreads(ctypes.c_int(threads)))
        blas.limit_threads(threads)
        mxnet.npx.set_np()
        self.mx, self._numpy = mxnet, numpy
        self.name = "mxnet-hybrid" if hybrid else "mxnet"
        self._hybrid = hybrid
        self._table = operators()
        self._table[COPY] = lambda F, shapes, x: F.np.copy(x)
        self.ops = {n: partial(op, mxnet.nd, ()) for n, op in operators().items()}

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an array that owns a copy of the values."""
        return self.mx.np.array(array, dtype=dtype)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; waits for them."""
        return tensor.asnumpy()

    def synchronize(self, values: Any = None) -> None:
        """Wait for ``values``, or for all that was pushed to the engine."""
        if values is None:
            self.mx.nd.waitall()
            return
        for value in values:
            value.wait_to_read()

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``autograd.record`` and ``backward``."""
        autograd, positions = self.mx.autograd, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            args, leaves = list(args), []
            for i in positions:
                args[i] = args[i].detach()
                args[i].attach_grad()
                leaves.append(args[i])
            with autograd.record():
                outputs = fn(*args)
            autograd.backward(list(outputs), None if cotangents is None else list(cotangents))
            return tuple(y.detach() for y in outputs), tuple(x.grad for x in leaves)

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, features, threads and where optimizers come from."""
        mx = self.mx
        features = mx.runtime.Features()
        found = blas.libraries()
        return {
            "toolkit": "MXNet",
            "version": mx.__version__,
            "device": "cpu",
            "threads": max(blas.threads_of(found), blas.openmp_threads()),
            "engine": "asynchronous, %s worker threads" % self._workers(),
            "precision": "the tensor's own dtype",
            "layout": "channels first (N, C, *spatial)",
            "blas": found,
            "onednn": features.is_enabled("MKLDNN"),
            "compiled": self._hybrid,
            "optimizer_origin": {n: _ORIGINS[n] for n in self.optimizers},
            "notes": list(_NOTES),
        }

    def _workers(self) -> str:
        return str(self.mx.util.getenv("MXNET_CPU_WORKER_NTHREADS") or "1")

    def compile(self, program: Program) -> Any:
        """Return the program over arrays, or as a hybridised block over symbols."""
        _refuse(program)
        if program.kind == "training":
            return Training(self, program)
        bound = with_own_outputs(program, _VIEWS)
        fn = self.function(bound)
        if self._hybrid and program.forward_inputs:  # a block must have an input
            fn = hybridised(self.mx, fn)
        else:
            fn = partial(fn, self.mx.nd)
        return fn if program.kind == "forward" else GradientExecutable(self, program, fn)

    def function(self, program: Program) -> Fn:
        """Return the forward computation as a function of ``F`` and tensors or symbols."""
        shapes = {name: v.shape for name, v in program.values().items()}
        table = self._table
        nodes, calls = [], []
        for i, node in enumerate(program.nodes):
            name = "%s_%d" % (node.op, i)
            calls.append((name, node.op, [shapes[n] for n in references(node)]))
            nodes.append(node._replace(op=name))
        bound = program._replace(nodes=tuple(nodes))
        made: Dict[int, Fn] = {}

        def run(F: Any, *tensors: Tensor) -> Tuple[Tensor, ...]:
            if id(F) not in made:
                ops: Dict[str, Any] = {n: partial(table[op], F, spec) for n, op, spec in calls}
                made[id(F)] = straight_line(bound, ops)
            return made[id(F)](*tensors)

        return run


def _refuse(program: Program) -> None:
    """Raise for what MXNet offers in part; without this it fails when called, or is wrong."""
    for node in program.nodes:
        if node.op == "conv_transpose3d" and node.dtype != "float32":
            # it is oneDNN's; MXNet itself has one and two dimensions
            raise Unsupported("Deconvolution in three dimensions: float32 only")
        if node.op == "max_pool2d" and any(lo != hi for lo, hi in node.attrs["padding"]):
            raise Unsupported("Pooling: one padding for both ends only")


def hybridised(mx: Any, fn: Fn) -> Fn:
    """Return a hybridised block without parameters."""

    class Block(mx.gluon.HybridBlock):  # type: ignore[misc]
        def hybrid_forward(self, F: Any, *inputs: Any) -> Any:
            return list(fn(F, *inputs))

    block = Block()
    block.hybridize(static_alloc=True, static_shape=True)

    def run(*tensors: Tensor) -> Tuple[Tensor, ...]:
        results = block(*tensors)
        return tuple(results) if isinstance(results, (list, tuple)) else (results,)

    return run


class Training(InPlaceTraining):
    """One step per call in Gluon's idiom: record, ``backward``, ``Trainer.step``."""

    def __init__(self, adapter: MxnetAdapter, program: Program) -> None:
        super().__init__(program)
        ask = program.ask
        types = {v.name: v.dtype for v in program.inputs}
        self._mx = adapter.mx
        self._fn = adapter.function(program)
        self._names = [v.name for v in program.inputs]
        self._program = program
        self._hybrid = adapter._hybrid
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._lr = float(ask["hyper"]["lr"])
        narrow = {types[n] for n in ask["params"]} == {"float32"}
        steady = schedules.is_constant(ask.get("schedule"))
        self._native = narrow and self._name in _NATIVE and (steady or self._name == "sgd")
        self._composed = adapter.optimizer(self._name, ask["hyper"])
        self._block: Any = None
        self._trainer: Any = None
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return the Parameters of the block, with a fresh Trainer."""
        mx = self._mx
        if self._block is None:  # made once, so that its cached graph stays
            self._block = network(mx, self._fn, self._program, params)
            if self._hybrid:
                self._block.hybridize(static_alloc=True, static_shape=True)
        parameters = [self._block.params_of[n] for n in self._program.ask["params"]]
        for parameter, value in zip(parameters, params):
            parameter.set_data(value)
        if self._native:
            optimizer = native_optimizer(mx, self._name, self._hyper, self._lr)
            self._trainer = mx.gluon.Trainer(parameters, optimizer, kvstore=None)
        else:
            self._slots = self._composed.init([p.data() for p in parameters])
        return parameters

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        autograd = self._mx.autograd
        data = [arguments[i] for i in self._data]
        with autograd.record():
            loss = self._block(*data)
        loss.backward()
        if self._native:
            self._trainer.set_learning_rate(lr)
            self._trainer.step(1)
        else:
            self._update(lr, t)
        return loss.detach()

    def _update(self, lr: float, t: int) -> None:
        parameters = self._params or ()
        weights = [p.data() for p in parameters]
        grads = [p.grad() for p in parameters]
        new, self._slots = self._composed.update(weights, grads, self._slots, lr, t)
        for parameter, value in zip(parameters, new):
            parameter.set_data(value)

    def copy(self, param: Any) -> Tensor:
        """Return a copy of a Parameter's values."""
        return param.data().copy()


def network(mx: Any, fn: Fn, program: Program, values: Sequence[Tensor]) -> Any:
    """Return a block whose forward is the program's loss, with Parameters like ``values``."""
    names = [v.name for v in program.inputs]
    data = [v.name for v in program.data_inputs]

    class Network(mx.gluon.HybridBlock):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.params_of = {}
            for name, value in zip(program.ask["params"], values):
                parameter = self.params.get(name, shape=value.shape, dtype=value.dtype)
                parameter.initialize("zeros", ctx=mx.cpu())
                setattr(self, "weight_" + name, parameter)
                self.params_of[name] = parameter

        def hybrid_forward(self, F: Any, *inputs: Any, **weights: Any) -> Any:
            given = dict(zip(data, inputs))
            given.update((n[len("weight_") :], w) for n, w in weights.items())
            return fn(F, *[given[n] for n in names])[0]

    return Network()


def native_optimizer(mx: Any, name: str, hyper: Mapping[str, float], lr: float) -> Any:
    """Return the object of ``mx.optimizer`` whose equation is the catalogue's."""
    optimizer = mx.optimizer
    if name == "sgd":
        return optimizer.SGD(learning_rate=lr)
    if name == "momentum":
        return optimizer.SGD(learning_rate=lr, momentum=hyper["momentum"])
    if name == "nesterov":
        return optimizer.NAG(learning_rate=lr, momentum=hyper["momentum"])
    raise Unsupported("mx.optimizer: no counterpart of %r is known" % name)
