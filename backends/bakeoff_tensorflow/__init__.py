"""TensorFlow 2, eager and as functions, on the CPU and on a GPU. This module registers."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_REQUIREMENTS = ("tensorflow-cpu==2.21.*", "numpy>=2,<3")
_ENV = {
    "CUDA_VISIBLE_DEVICES": "",
    "KERAS_BACKEND": "tensorflow",  # whose optimizers tf.keras lends
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "{threads}",
    "TF_NUM_INTRAOP_THREADS": "{threads}",
}
_CUDA_ENV = {
    **{name: value for name, value in _ENV.items() if name != "CUDA_VISIBLE_DEVICES"},
    # Else the first worker takes all of the device from all others.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}
_CUDA_REQUIREMENTS = ("tensorflow[and-cuda]==2.21.*", "numpy>=2,<3")
_HOMEPAGE = "https://www.tensorflow.org"

BACKENDS = (
    Backend(
        name="tensorflow",
        title="TensorFlow (eager)",
        toolkit="TensorFlow",
        adapter="bakeoff_tensorflow.adapter:TensorflowAdapter",
        requirements=_REQUIREMENTS,
        env=_ENV,
        homepage=_HOMEPAGE,
        size_mb=1456,
        released="2019-09",
        summary="TensorFlow 2: ops run as Python reaches them; GradientTape records them",
    ),
    Backend(
        name="tensorflow-function",
        title="TensorFlow (tf.function)",
        toolkit="TensorFlow",
        adapter="bakeoff_tensorflow.adapter:TensorflowAdapter",
        mode={"function": True},
        requirements=_REQUIREMENTS,
        env=_ENV,
        homepage=_HOMEPAGE,
        size_mb=1456,
        released="2019-09",
        summary="TensorFlow 2: whole programs and training steps traced to graphs by tf.function",
    ),
    Backend(
        name="tensorflow-cuda",
        title="TensorFlow on CUDA (eager)",
        toolkit="TensorFlow",
        adapter="bakeoff_tensorflow.adapter:TensorflowAdapter",
        mode={"device": "cuda"},
        requirements=_CUDA_REQUIREMENTS,
        env=_CUDA_ENV,
        homepage=_HOMEPAGE,
        released="2019-09",
        device="cuda",
        summary="the same on the first CUDA device, in full float32; timed end to end",
    ),
    Backend(
        name="tensorflow-cuda-function",
        title="TensorFlow on CUDA (tf.function)",
        toolkit="TensorFlow",
        adapter="bakeoff_tensorflow.adapter:TensorflowAdapter",
        mode={"device": "cuda", "function": True},
        requirements=_CUDA_REQUIREMENTS,
        env=_CUDA_ENV,
        homepage=_HOMEPAGE,
        released="2019-09",
        device="cuda",
        summary="whole programs and training steps traced to graphs, on the first CUDA device",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``tensorflow`` and ``tensorflow-function``, each with ``-cuda``."""
    for backend in BACKENDS:
        register(backend)
