"""Aesara, Theano's heir, in the worker: the same graphs, whose types hold whole shapes.

Source: https://aesara.readthedocs.io, documentation of 2.9
"""

import warnings
from typing import Any, Dict, Sequence, Tuple

from .adapter import SHARED_NOTES, Symbol, TheanoAdapter, link_flags, set_flags
from .operators import layers, shape_of
from .windows import activations, losses

_NOTES = (
    *SHARED_NOTES,
    "conv1d and conv2d, and their transposes, are conv3d with height and depth 1: CorrMM, which "
    "conv2d would become on a CPU, raises when it is built (2.9.4)",
    "tensor.nnet, which has convolutions and pools, is deprecated in Aesara, and there",
)


class AesaraAdapter(TheanoAdapter):
    """Aesara on the CPU, its C++ linked with the OpenBLAS that SciPy carries."""

    name = "aesara"
    toolkit = "Aesara"
    notes: Tuple[str, ...] = _NOTES
    _pattern_name = "shape"

    def __init__(self, threads: int = 1) -> None:
        self._load_blas(threads)
        set_flags("aesara", {"device": "cpu", "blas__ldflags": link_flags(self._blas)})
        import aesara
        import aesara.tensor.signal.pool

        with warnings.catch_warnings():  # that it is deprecated, as the notes say
            warnings.simplefilter("ignore", DeprecationWarning)
            import aesara.tensor.nnet.abstract_conv
        self._take(aesara, _operators(aesara))

    def _pattern(self, shape: Sequence[int]) -> Tuple[Any, ...]:
        return tuple(shape)

    def _patterned(self, symbol: Symbol, pattern: Tuple[Any, ...]) -> Symbol:
        if symbol.type.shape == pattern:
            return symbol
        return self.theano.tensor.specify_shape(symbol, pattern)


def _operators(aesara: Any) -> Dict[str, Any]:
    T = aesara.tensor

    def sparse(logits: Symbol, labels: Symbol) -> Symbol:
        rows = logits.reshape((-1, shape_of(logits)[-1]))  # (..., C) --> (N, C)
        probabilities = T.special.softmax(rows, axis=-1)  # fused with what follows, when compiled
        picked = T.nnet.categorical_crossentropy(probabilities, labels.flatten())
        return picked.reshape(shape_of(labels))

    table = dict(layers(aesara, least=3))
    table.update(activations(T))
    table.update(losses(T))
    table.update(
        sign=T.sgn,
        relu=T.nnet.relu,
        sigmoid_cross_entropy_with_logits=T.nnet.sigmoid_binary_crossentropy,
        sparse_softmax_cross_entropy_with_logits=sparse,
    )
    return table
