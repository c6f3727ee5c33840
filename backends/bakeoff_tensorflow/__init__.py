"""TensorFlow 2, eager and as functions. This module registers; `adapter` runs in the worker."""

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
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``tensorflow`` and ``tensorflow-function``."""
    for backend in BACKENDS:
        register(backend)
