"""MyGrad in the worker: tensors over NumPy's arrays, and ``backward``.

Source: https://mygrad.readthedocs.io
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, blas
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import owned
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import UNSUPPORTED, operators, uneven

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NOTES = (
    "results in the memory of an input (reshape, getitem, gradients of add, ...) are copied",
    "NumPy below 2: from there on MyGrad makes float64 of float32 beside a Python number",
    "memory guarding is on, as it is by default",
    "several outputs have their gradients through one sum of products with the cotangents, as a "
    "graph can be walked back once",
    "composed: logsumexp, silu, dropout with given noise, grouped conv, losses (MyGrad's have "
    "their mean inside)",
)


class MygradAdapter(Adapter):
    """MyGrad, which computes through NumPy."""

    name = "mygrad"
    dtypes = ("bool", "int32", "int64", "float32", "float64")
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        import mygrad
        import mygrad.nnet
        import numpy

        blas.limit_threads(threads)
        # infinities and NaN are results here, as they are in every toolkit; not warnings
        numpy.seterr(all="ignore")
        self.mg, self._numpy = mygrad, numpy
        self.ops = operators(mygrad)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a constant tensor that owns a contiguous copy of the values."""
        array = self._numpy.array(array, dtype=dtype, order="C")
        return self.mg.tensor(array, constant=True, copy=False)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the tensor's array."""
        return tensor.data

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``Tensor.backward``."""
        mg, positions = self.mg, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            args, leaves = list(args), []
            for i in positions:
                args[i] = mg.tensor(args[i].data, copy=False)
                leaves.append(args[i])
            outputs = fn(*args)
            values = [y.data for y in outputs]
            _backward(mg, outputs, cotangents)
            grads = [mg.zeros_like(x).data if x.grad is None else x.grad for x in leaves]
            return self._constants(values), self._constants(grads)

        return value_and_grad

    def _constants(self, arrays: Sequence[Any]) -> Tuple[Tensor, ...]:
        return tuple(self.mg.tensor(a, constant=True, copy=False) for a in arrays)

    def describe(self) -> Dict[str, Any]:
        """Return versions, BLAS and its threads."""
        found = blas.libraries()
        return {
            "toolkit": "MyGrad",
            "version": self.mg.__version__,
            "device": "cpu (NumPy %s)" % self._numpy.__version__,
            "threads": blas.threads_of(found),
            "blas": found,
            "precision": "the tensor's own dtype",
            "layout": "channels first (N, C, *spatial)",
            "optimizer_origin": dict.fromkeys(self.optimizers, "composed: MyGrad has none"),
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return straight-line Python; what lies in an input's memory is copied."""
        for node in program.nodes:
            reason = uneven(node.op, node.attrs)
            if reason:
                raise Unsupported(reason)
        fn = straight_line(program, dict(self.ops))
        if program.kind == "training":
            return Training(self, program, fn)
        run = fn if program.kind == "forward" else GradientExecutable(self, program, fn)
        without_graph = self.mg.no_autodiff(fn) if program.kind == "forward" else run

        def executable(*tensors: Tensor) -> Tuple[Tensor, ...]:
            inputs = [x.data for x in tensors]
            return self._constants([owned(y.data, inputs) for y in without_graph(*tensors)])

        return executable


def _backward(mg: Any, outputs: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> None:
    if cotangents is None:
        outputs[0].backward()
    elif len(outputs) == 1:
        outputs[0].backward(cotangents[0].data)
    else:
        total: Any = 0.0
        for y, g in zip(outputs, cotangents):
            total = total + mg.sum(y * g)
        total.backward()


class Training(InPlaceTraining):
    """One step per call in MyGrad's idiom: ``loss.backward()``, then new values from ``.grad``."""

    def __init__(self, adapter: MygradAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        self._adapter = adapter
        self._fn = fn
        self._optimizer = adapter.optimizer(program.ask["optimizer"], program.ask["hyper"])
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Tensor]:
        """Return tensors that gather gradients, and zero the slots."""
        self._slots = self._optimizer.init(params)
        return [self._adapter.mg.tensor(p.data) for p in params]

    def step(self, arguments: Sequence[Tensor], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        mg = self._adapter.mg
        (loss,) = self._fn(*arguments)
        loss.backward()
        parameters = self._loaded()
        with mg.no_autodiff:
            grads = [mg.tensor(p.grad, constant=True, copy=False) for p in parameters]
            new, self._slots = self._optimizer.update(parameters, grads, self._slots, lr, t)
        for parameter, value in zip(parameters, new):
            parameter.data[...] = value.data
        return mg.tensor(loss.data, constant=True, copy=False)

    def copy(self, param: Tensor) -> Tensor:
        """Return a copy as a constant."""
        return self._adapter.mg.tensor(param.data, constant=True)
