"""TensorFlow 2 in the worker: eager under a GradientTape, or traced by ``tf.function``.

Source: https://www.tensorflow.org/api_docs/python/tf
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, optimizers, schedules
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NATIVE = ("sgd", "momentum", "nesterov")
_VELOCITY = (
    "native: tf.keras.optimizers.SGD's velocity holds the rate, another equation when that "
    "changes; composed there, and in other dtypes than float32"
)
_ORIGINS = {
    "sgd": "native: composed in other dtypes than float32, in which tf.keras keeps the rate",
    "momentum": _VELOCITY,
    "nesterov": _VELOCITY,
    "adagrad": "composed: tf.keras.optimizers.Adagrad has eps inside the root",
    "rmsprop": "composed: tf.keras.optimizers.RMSprop has eps inside the root",
    "adam": "composed: tf.keras.optimizers.Adam computes 1 - beta2^t in float32, which is 1e-5 off",
    "adamw": "composed: as adam",
}
_NOTES = (
    "conv and pool are transposed to channels last and back, because TensorFlow's gradients on "
    "the CPU have that layout only; the transposes are timed",
    "grouped conv is one conv per group, because TensorFlow's gradients of groups are not for "
    "the CPU",
    "avg_pool2d with padding pads explicitly first",
)


_CUDA_NOTES = (
    "TensorFlow has no device events: its times are the host's, of blocks ended by sync_devices",
    "TF_FORCE_GPU_ALLOW_GROWTH is true, so that several workers share the device",
)


class TensorflowAdapter(Adapter):
    """TensorFlow on the CPU or on the first CUDA device.

    Parameters
    ----------
    threads
        For its pools inside and between ops.
    function
        Trace programs, and whole training steps, by ``tf.function``.
    device
        ``"cpu"`` or ``"cuda"``.
    """

    dtypes = ("bool", "int32", "int64", "float16", "bfloat16", "float32", "float64")

    def __init__(self, threads: int = 1, function: bool = False, device: str = "cpu") -> None:
        import numpy
        import tensorflow

        self._gpu = _full_precision(tensorflow) if device == "cuda" else None
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        self.tf, self._numpy = tensorflow, numpy
        self.name = "-".join(
            ["tensorflow"] + ["cuda"] * (device == "cuda") + ["function"] * function
        )
        self._function = function
        self.ops = operators(tensorflow)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor of a copy of the values."""
        return self.tf.cast(self.tf.constant(self._numpy.array(array)), dtype)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; bfloat16, which NumPy lacks, as float32."""
        if tensor.dtype == self.tf.bfloat16:
            tensor = self.tf.cast(tensor, "float32")
        return tensor.numpy()

    def device_of(self, tensor: Tensor) -> Optional[str]:
        """Return ``"cpu"`` or ``"cuda"``; None for integers, which it keeps on the host's side."""
        if not tensor.dtype.is_floating:
            return None
        return "cuda" if "GPU" in tensor.device else "cpu"

    def synchronize(self, values: Any = None) -> None:
        """Wait for the device's queue; on the CPU, results are there when calls return."""
        if self._gpu is not None:
            self.tf.test.experimental.sync_devices()

    def memory(self) -> Dict[str, int]:
        """Return ``device_peak_bytes``: of tensors, since the program was prepared."""
        if self._gpu is None:
            return {}
        told = self.tf.config.experimental.get_memory_info("GPU:0")
        return {"device_peak_bytes": int(told["peak"])}

    def release(self) -> None:
        """Let the device's peak begin anew."""
        if self._gpu is not None:
            self.tf.config.experimental.reset_memory_stats("GPU:0")

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``tf.GradientTape``."""
        tf, positions = self.tf, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            leaves = [args[i] for i in positions]
            with tf.GradientTape() as tape:
                tape.watch(leaves)
                outputs = fn(*args)
            given = None if cotangents is None else list(cotangents)
            zero = tf.UnconnectedGradients.ZERO
            grads = tape.gradient(list(outputs), leaves, given, zero)
            # the gradient of tf.gather is IndexedSlices
            return tuple(outputs), tuple(tf.convert_to_tensor(g) for g in grads)

        return self.compiled(value_and_grad)

    def compiled(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function traced, or as it is."""
        if not self._function:
            return fn
        return self.tf.function(fn, autograph=False)  # type: ignore[no-any-return]

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads as read back, and where optimizers come from."""
        tf = self.tf
        threading = tf.config.threading
        told = {
            "toolkit": "TensorFlow",
            "version": tf.__version__,
            "device": "cpu",
            "threads": threading.get_intra_op_parallelism_threads(),
            "interop_threads": threading.get_inter_op_parallelism_threads(),
            "precision": "the tensor's own dtype; TF32 %s"
            % ("on" if tf.config.experimental.tensor_float_32_execution_enabled() else "off"),
            "layout": "channels first (N, C, *spatial); conv and pool transpose to channels last",
            "compiled": self._function,
            "optimizer_origin": {n: _ORIGINS[n] for n in self.optimizers},
            "notes": list(_NOTES),
        }
        if self._gpu is not None:
            told.update(_describe_gpu(tf, self._gpu))
            told["notes"] = list(_NOTES + _CUDA_NOTES)
        return told

    def compile(self, program: Program) -> Any:
        """Return the program, traced in the function mode."""
        _refuse(program)
        fn = straight_line(program, dict(self.ops))
        if program.kind == "training":
            return Training(self, program, fn)
        if program.kind == "gradient":
            return GradientExecutable(self, program, fn)
        return self.compiled(fn)


def _full_precision(tf: Any) -> Any:
    """Return the first CUDA device, and let products and convolutions use no TF32 on it.

    Raises
    ------
    ImportError
        If TensorFlow sees none.
    """
    found = tf.config.list_physical_devices("GPU")
    if not found:
        built = tf.test.is_built_with_cuda()
        why = "sees no CUDA device" if built else "was built without CUDA"
        raise ImportError("TensorFlow %s %s" % (tf.__version__, why))
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return found[0]


def _describe_gpu(tf: Any, gpu: Any) -> Dict[str, Any]:
    details, build = tf.config.experimental.get_device_details(gpu), tf.sysconfig.get_build_info()
    capability = ".".join(str(part) for part in details.get("compute_capability", ()))
    return {
        "device": "cuda (%s, compute capability %s)" % (details.get("device_name"), capability),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "modes": {"tf32": bool(tf.config.experimental.tensor_float_32_execution_enabled())},
        "blas": "cuBLAS, cuDNN",
    }


def _refuse(program: Program) -> None:
    """Raise for convolutions that TensorFlow's kernels lack on the CPU, beside oneDNN's."""
    for node in program.nodes:
        if not node.op.startswith("conv") or node.dtype == "float32":
            continue
        strided = max(node.attrs["stride"]) > 1 or node.op.startswith("conv_transpose")
        if max(node.attrs["dilation"]) > 1 and strided:
            raise Unsupported(
                "conv with dilation and stride, and conv_transpose with dilation: float32 only"
            )


class Training(InPlaceTraining):
    """One step per call: a tape, ``gradient``, ``apply_gradients``; all one graph if traced."""

    def __init__(self, adapter: TensorflowAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        ask = program.ask
        types = {v.name: v.dtype for v in program.inputs}
        self._tf = adapter.tf
        self._fn = fn
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._definition = optimizers.DEFINITIONS[self._name]
        narrow = {types[n] for n in ask["params"]} == {"float32"}
        steady = schedules.is_constant(ask.get("schedule"))
        self._native = narrow and self._name in _NATIVE and (steady or self._name == "sgd")
        self._lr = float(ask["hyper"]["lr"])
        self._order = sorted(self._definition.scalars(self._hyper, self._lr, 1))
        self._wide = "float64" if "float64" in types.values() else "float32"
        self._variables: List[Any] = []
        self._slots: List[Tuple[Any, ...]] = []
        self._optimizer: Any = None
        self._sent: Any = (None, None)
        self._step = adapter.compiled(self._traced)

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return the Variables; made once, so that what is traced over them stays."""
        tf = self._tf
        if not self._variables:
            self._variables = [tf.Variable(p) for p in params]
            if self._native:
                self._optimizer = native_optimizer(tf, self._name, self._hyper, self._lr)
                self._optimizer.build(self._variables)
            else:
                count = len(self._definition.slots)
                zeros = [tf.zeros_like(p) for p in params]
                self._slots = [tuple(tf.Variable(z) for _ in range(count)) for z in zeros]
        for variable, value in zip(self._variables, params):
            variable.assign(value)
        kept = self._optimizer.variables if self._native else [s for t in self._slots for s in t]
        for slot in kept:
            slot.assign(tf.zeros_like(slot))
        self._sent = (None, None)
        return self._variables

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        data = [arguments[i] for i in self._data]
        return self._step(data, self._scalars(lr, t))

    def _scalars(self, lr: float, t: int) -> Any:
        """Return the numbers of the step as a tensor; the native optimizer takes the rate."""
        if self._native:
            if self._sent[0] != lr:
                self._optimizer.learning_rate.assign(lr)
                self._sent = (lr, self._tf.zeros([0]))
            return self._sent[1]
        scalars = self._definition.scalars(self._hyper, lr, t)
        if self._sent[0] != scalars:
            numbers = [scalars[k] for k in self._order]
            self._sent = (scalars, self._tf.constant(numbers, self._wide, [len(numbers)]))
        return self._sent[1]

    def _traced(self, data: Sequence[Tensor], scalars: Tensor) -> Tensor:
        arguments = list(self._arguments)
        for position, variable in zip(self._positions, self._variables):
            arguments[position] = variable
        for position, tensor in zip(self._data, data):
            arguments[position] = tensor
        with self._tf.GradientTape() as tape:
            (loss,) = self._fn(*arguments)
        grads = tape.gradient(loss, self._variables)
        if self._native:
            self._optimizer.apply_gradients(zip(grads, self._variables))
        else:
            self._update(grads, scalars)
        return loss

    def _update(self, grads: Sequence[Tensor], scalars: Tensor) -> None:
        tf, update = self._tf, self._definition.update
        for w, g, slots in zip(self._variables, grads, self._slots):
            narrow = w.dtype
            compute = tf.float32 if narrow.size == 2 else narrow  # 16-bit ones in float32
            k = {n: tf.cast(scalars[i], compute) for i, n in enumerate(self._order)}
            wide = [tf.cast(x, compute) for x in (w, g, *slots)]
            new, kept = update(wide[0], wide[1], tuple(wide[2:]), k, tf.sqrt)
            w.assign(tf.cast(new, narrow))
            for slot, value in zip(slots, kept):
                slot.assign(tf.cast(value, narrow))

    def copy(self, param: Any) -> Tensor:
        """Return a copy of a Variable."""
        return self._tf.identity(param)


def native_optimizer(tf: Any, name: str, hyper: Mapping[str, float], lr: float) -> Any:
    """Return ``tf.keras.optimizers.SGD``, whose equation is the catalogue's at a constant rate."""
    momentum = hyper["momentum"] if name != "sgd" else 0.0
    return tf.keras.optimizers.SGD(lr, momentum, nesterov=name == "nesterov")
