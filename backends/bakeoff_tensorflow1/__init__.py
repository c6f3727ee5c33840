"""TensorFlow 1.x. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="tensorflow1",
        title="TensorFlow 1.x",
        toolkit="TensorFlow 1",
        adapter="bakeoff_tensorflow1.adapter:TensorFlow1Adapter",
        requirements=(
            "absl-py==2.1.0",
            "astor==0.8.1",
            "gast==0.2.2",
            "google-pasta==0.2.0",
            "grpcio==1.62.3",
            "h5py==2.10.0",
            "importlib-metadata==6.7.0",
            "Keras-Applications==1.0.8",
            "Keras-Preprocessing==1.1.2",
            "Markdown==3.4.4",
            "MarkupSafe==2.1.5",
            "numpy==1.18.5",
            "opt-einsum==3.3.0",
            "protobuf==3.20.3",
            "six==1.17.0",
            "tensorboard==1.15.0",
            "tensorflow==1.15.5",
            "tensorflow-estimator==1.15.1",
            "termcolor==2.3.0",
            "typing_extensions==4.7.1",
            "Werkzeug==2.2.3",
            "wrapt==1.16.0",
            "zipp==3.15.0",
        ),
        python="==3.7.*",
        env={"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""},
        homepage="https://www.tensorflow.org/versions/r1.15/api_docs/python/tf",
        released="2015-11",
        summary="a static graph of placeholders and variables, run by a session with feed_dict",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``tensorflow1``."""
    for backend in BACKENDS:
        register(backend)
