"""Keras 3 on three engines. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

# engine: what it needs, what its threads are set by, first release of Keras on it
_ENGINES = {
    "tensorflow": (
        ("tensorflow-cpu==2.21.*",),
        {
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "TF_NUM_INTEROP_THREADS": "{threads}",
            "TF_NUM_INTRAOP_THREADS": "{threads}",
        },
        "2015-11",
    ),
    "torch": (("torch==2.13.*",), {}, "2023-11"),
    "jax": (
        ("jax==0.10.*", "jaxlib==0.10.*"),
        {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "NPROC": "{threads}"},
        "2023-11",
    ),
}
_TITLES = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}

BACKENDS = tuple(
    Backend(
        name=f"keras-{engine}",
        title=f"Keras 3 ({_TITLES[engine]})",
        toolkit="Keras",
        adapter="bakeoff_keras.adapter:KerasAdapter",
        mode={"engine": engine},
        requirements=("keras==3.15.*", *requirements, "numpy>=2,<3"),
        env={"KERAS_BACKEND": engine, **env},
        homepage="https://keras.io",
        released=released,
        summary=f"layers, compile and train_on_batch; {_TITLES[engine]} computes",
    )
    for engine, (requirements, env, released) in _ENGINES.items()
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``keras-tensorflow``, ``keras-torch`` and ``keras-jax``."""
    for backend in BACKENDS:
        register(backend)
