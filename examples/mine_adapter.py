"""A backend of your own, part two: the adapter. The worker alone loads this file.

Ops that are missing here are shown as unsupported; nothing else is needed. Optimizers are
composed from these ops by the base class.
"""

from bakeoff_worker import Adapter


class AutogradAdapter(Adapter):
    """HIPS autograd: NumPy's functions, differentiated by tracing them."""

    name = "mine-autograd"
    dtypes = ("float32", "float64", "int64", "bool")

    def __init__(self, threads=1):
        import autograd
        import autograd.numpy as anp
        import numpy

        self._autograd, self._numpy = autograd, numpy

        def softmax(x, axis):
            e = anp.exp(x - anp.max(x, axis=axis, keepdims=True))
            return e / anp.sum(e, axis=axis, keepdims=True)

        def cross_entropy(logits, labels):  # logits (N, C), labels (N,)
            shifted = logits - anp.max(logits, axis=1, keepdims=True)
            picked = shifted[numpy.arange(len(labels)), labels]
            return anp.log(anp.sum(anp.exp(shifted), axis=1)) - picked

        names = "add subtract multiply divide negative abs square sqrt exp log tanh where matmul"
        self.ops = {name: getattr(anp, name) for name in names.split()}
        self.ops.update(
            zeros_like=anp.zeros_like,
            relu=lambda x: anp.maximum(x, 0.0),
            bias_add=lambda x, bias: x + bias.reshape((-1,) + (1,) * (x.ndim - 2)),
            sum=lambda x, axis, keepdims: anp.sum(x, axis=axis, keepdims=keepdims),
            mean=lambda x, axis, keepdims: anp.mean(x, axis=axis, keepdims=keepdims),
            squared_error=lambda p, t: (p - t) ** 2,
            softmax=softmax,
            sparse_softmax_cross_entropy_with_logits=cross_entropy,
        )

    def tensor(self, array, dtype):
        return self._numpy.array(array, dtype=dtype)

    def to_numpy(self, tensor):
        return self._numpy.asarray(tensor)

    def value_and_grad(self, fn, wrt):
        from autograd.builtins import tuple as traced_tuple

        def gradient(args, cotangents):
            def chosen(*parameters):
                filled = list(args)
                for i, position in enumerate(wrt):
                    filled[position] = parameters[i]
                return traced_tuple(fn(*filled))

            def packed(parameters):
                return chosen(*parameters)

            vjp, outputs = self._autograd.make_vjp(packed)(tuple(args[i] for i in wrt))
            if cotangents is None:
                cotangents = tuple(self._numpy.ones_like(o) for o in outputs)
            return tuple(outputs), tuple(vjp(tuple(cotangents)))

        return gradient

    def describe(self):
        from importlib.metadata import version

        return {
            "toolkit": "autograd",
            "version": version("autograd"),
            "device": "cpu",
            "numpy": self._numpy.__version__,
        }
