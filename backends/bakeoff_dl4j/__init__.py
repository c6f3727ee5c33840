"""DL4J's engine, SameDiff over ND4J. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="dl4j",
        title="DL4J (ND4J/SameDiff)",
        toolkit="DL4J",
        adapter="bakeoff_dl4j.adapter:Dl4jAdapter",
        requirements=(
            "jpype1==1.7.1",
            "nd4j==1.0.0b3",
            "numpy==2.4.6",
            "packaging==26.3",
        ),
        system=("a Java development kit, version 17: set JAVA_HOME or put java on the path",),
        homepage="https://deeplearning4j.konduit.ai",
        released="2014-06",
        summary="SameDiff graphs over ND4J arrays in a Java virtual machine, called through JPype",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``dl4j``."""
    for backend in BACKENDS:
        register(backend)
