"""TensorFlow 1 in the worker: a graph of placeholders and variables, run by a session.

Source: https://www.tensorflow.org/versions/r1.15/api_docs/python/tf
"""

import warnings
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import Adapter
from bakeoff_worker.graph import StepNumbers, grow
from bakeoff_worker.program import Node, Program

from .operators import operators

Tensor = Any
Symbol = Any

_ALIGNMENT = 64  # bytes; a NumPy array that starts at a multiple is fed without a copy
_COMPOSED = ("adagrad", "rmsprop", "adamw")
_NOTES = (
    "inputs are NumPy arrays at 64-byte boundaries, which session.run takes from feed_dict "
    "without a copy; parameters and optimizer state are variables of the session",
    "conv and pool run with the channels last, transposed to and from inside the graph, in "
    "the measured time; groups are split and concatenated: TensorFlow 1 has neither "
    "channels-first nor groups on the CPU",
    "composed optimizers: tf.train.AdagradOptimizer starts its sums above 0 and has no "
    "epsilon; tf.train.RMSPropOptimizer starts them at 1 and has epsilon inside the root; "
    "AdamW is in tf.contrib only, and decays by weight_decay without the learning rate",
    "tf.train.AdamOptimizer's epsilon is the paper's epsilon hat: it is fed "
    "epsilon sqrt(1 - beta2^t), which makes the equations equal",
    "tf.train rounds hyperparameters that are Python numbers to float32, also for float64 "
    "parameters: they are given as constants of the parameters' dtype",
    "float16 is left out: on the CPU its products and sums are added up in float16",
)


class TensorFlow1Adapter(Adapter):
    """TensorFlow 1.15 on the CPU; each program has a graph and a session of its own."""

    name = "tensorflow1"
    dtypes = ("bool", "int32", "int64", "float32", "float64")

    def __init__(self, threads: int = 1) -> None:
        import numpy

        with warnings.catch_warnings():  # of NumPy 1.18, about dtypes that TensorFlow 1 defines
            warnings.simplefilter("ignore", FutureWarning)
            import tensorflow as tf
        tf.logging.set_verbosity(tf.logging.ERROR)
        self.np = numpy
        self.tf = tf
        self.config = tf.ConfigProto(
            intra_op_parallelism_threads=threads,
            inter_op_parallelism_threads=threads,
            device_count={"GPU": 0},
        )
        self.ops = operators(tf)
        self._sessions: List[Any] = []
        with tf.Session(config=self.config) as session:  # makes the process's thread pools
            self._devices = [d.name for d in session.list_devices()]

    def session(self, graph: Any) -> Any:
        """Return a session that lives until the program is put away."""
        found = self.tf.Session(graph=graph, config=self.config)
        self._sessions.append(found)
        return found

    def release(self) -> None:
        """Close the sessions of what was compiled."""
        while self._sessions:
            self._sessions.pop().close()

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an aligned array of its own."""
        np = self.np
        array = np.asarray(array)
        kind = np.dtype(dtype)
        size = array.size * kind.itemsize
        memory = np.empty(size + _ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % _ALIGNMENT
        aligned = memory[start : start + size].view(kind).reshape(array.shape)
        aligned[...] = array
        return aligned

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return what session.run gave: a NumPy array, or a scalar as one."""
        return self.np.asarray(tensor)

    def describe(self) -> Dict[str, Any]:
        """Return version, threads, precision and layout."""
        origin = dict.fromkeys(self.optimizers, "native")
        origin.update(dict.fromkeys(_COMPOSED, "composed"))
        return {
            "toolkit": "TensorFlow",
            "version": self.tf.__version__,
            "device": ", ".join(d for d in self._devices if "XLA" not in d),
            "threads": self.config.intra_op_parallelism_threads,
            "interop_threads": self.config.inter_op_parallelism_threads,
            "precision": "full",
            "layout": "channels first as given; channels last inside conv and pool",
            "blas": "Eigen",
            "compiled": False,
            "optimizer_origin": origin,
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as a graph with its session."""
        tf = self.tf
        graph = tf.Graph()
        with graph.as_default():
            if program.kind == "training":
                return Training(self, program, graph)
            inputs = {v.name: tf.placeholder(v.dtype, v.shape, v.name) for v in program.inputs}
            symbols = self.grown(program, inputs)
            fetches = [symbols[name] for name in program.outputs]
            if program.kind == "gradient":
                wrt = [inputs[n] for n in program.ask["wrt"]]
                cotangents = [inputs[n] for n in program.ask["cotangents"]]
                found = tf.gradients(list(fetches), wrt, cotangents)
                fetches += [tf.zeros_like(x) if g is None else g for x, g in zip(wrt, found)]
            # What is fetched may be the very buffer that was fed.
            fetches = [tf.raw_ops.DeepCopy(x=x) for x in fetches]
        session = self.session(graph)
        placeholders = [inputs[v.name] for v in program.inputs]

        def run(*tensors: Tensor) -> Tuple[Tensor, ...]:
            return tuple(session.run(fetches, feed_dict=dict(zip(placeholders, tensors))))

        return run

    def grown(self, program: Program, inputs: Mapping[str, Symbol]) -> Dict[str, Symbol]:
        """Return the symbols of all values; a scalar operand takes its neighbour's dtype."""
        types = program.values()

        def apply(node: Node, args: Tuple[Any, ...]) -> Symbol:
            names = [a for a in node.args if isinstance(a, str)]
            dtype = types[names[-1]].dtype if names else node.dtype
            args = tuple(
                self.tf.constant(a, dtype) if isinstance(a, (bool, int, float)) else a for a in args
            )
            result = self.ops[node.op](*args, **node.attrs)
            result.set_shape(node.shape)
            return result

        return grow(program, inputs, apply)


class Training(object):
    """A session that runs loss and training op on a batch; ``graph`` is what it runs."""

    def __init__(self, adapter: TensorFlow1Adapter, program: Program, graph: Any) -> None:
        tf = adapter.tf
        types = {v.name: v for v in program.inputs}
        inputs = {v.name: tf.placeholder(v.dtype, v.shape, v.name) for v in program.data_inputs}
        self.graph = graph
        self._np = adapter.np
        self._batch = [inputs[v.name] for v in program.data_inputs]
        self._params: List[Any] = []
        for name in program.ask["params"]:
            first = tf.zeros(types[name].shape, types[name].dtype)
            inputs[name] = tf.Variable(first, name=name)
            self._params.append(inputs[name])
        (self._loss,) = [adapter.grown(program, inputs)[n] for n in program.outputs]
        numbers = StepNumbers(program)
        name = program.ask["optimizer"]
        if name in _COMPOSED:
            self._composed(tf, numbers)
        else:
            self._native(tf, numbers, name)
        self._start = tf.global_variables_initializer()
        self._session = adapter.session(graph)
        self._t = 0
        self._loaded = False

    def _native(self, tf: Any, numbers: StepNumbers, name: str) -> None:
        train, dtype = tf.train, self._params[0].dtype.base_dtype
        hyper = {k: tf.constant(v, dtype) for k, v in numbers.hyper.items()}
        lr = tf.placeholder(dtype, [], "lr")
        self._fed = [lr]
        self._numbers_at: Callable[[int], List[float]] = lambda t: [numbers.rate(t)]
        if name == "sgd":
            optimizer = train.GradientDescentOptimizer(lr)
        elif name == "adam":
            eps, beta2 = numbers.hyper["eps"], numbers.hyper["beta2"]
            hat = tf.placeholder(dtype, [], "epsilon_hat")
            self._fed.append(hat)
            self._numbers_at = lambda t: [
                numbers.rate(t), eps * (1.0 - beta2**t) ** 0.5
            ]  # fmt: skip
            optimizer = train.AdamOptimizer(lr, hyper["beta1"], hyper["beta2"], hat)
        else:
            optimizer = train.MomentumOptimizer(
                lr, hyper["momentum"], use_nesterov=name == "nesterov"
            )
        self._train = optimizer.minimize(self._loss, var_list=self._params)

    def _composed(self, tf: Any, numbers: StepNumbers) -> None:
        self._numbers_at = numbers.at
        dtype = self._params[0].dtype.base_dtype
        self._fed = [tf.placeholder(dtype, [], k) for k in numbers.changing]
        k = {n: tf.constant(v, dtype) for n, v in numbers.fixed.items()}
        k.update(zip(numbers.changing, self._fed))
        grads = tf.gradients(self._loss, self._params, gate_gradients=True)
        pairs: List[Tuple[Any, Symbol]] = []
        for p, found in zip(self._params, grads):
            g = tf.zeros_like(p) if found is None else found
            slots = tuple(tf.Variable(tf.zeros_like(p)) for _ in numbers.definition.slots)
            new, new_slots = numbers.definition.update(p, g, slots, k, tf.sqrt)
            pairs.append((p, new))
            pairs.extend(zip(slots, new_slots))
        # All are computed from the old values before any is replaced.
        with tf.control_dependencies([new for _, new in pairs]):
            self._train = tf.group(*[tf.assign(old, new) for old, new in pairs])

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the variables (copied) and initialize the optimizer's."""
        self._session.run(self._start)
        for variable, value in zip(self._params, params):
            variable.load(value, self._session)
        self._t = 0
        self._loaded = True

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters: what is fetched is the variable's memory."""
        self._check()
        return tuple(self._np.array(p) for p in self._session.run(self._params))

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        self._check()
        self._t += 1
        feed = dict(zip(self._batch, data))
        feed.update(zip(self._fed, self._numbers_at(self._t)))
        loss, _ = self._session.run([self._loss, self._train], feed_dict=feed)
        return (loss,)

    def _check(self) -> None:
        if not self._loaded:
            raise ValueError("training: no parameters; call load(params) first")
