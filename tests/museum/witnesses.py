"""Which of a toolkit's own functions, or graph operators, must be seen at work in training."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Witness:
    """What `watched_training` looks for.

    Attributes
    ----------
    modules
        Whose functions are the toolkit's.
    names
        Each must be among the last parts of the names seen: the products, the loss, the
        gradients, the optimizer.
    graph
        A function of `graphs` that lists the operators that a graph holds; empty: none.
    """

    modules: tuple[str, ...]
    names: tuple[str, ...]
    graph: str = ""


WITNESSES: dict[str, Witness] = {
    "fastai": Witness(
        ("fastai", "torch"), ("one_batch", "_do_one_batch", "matmul", "cross_entropy", "_step")
    ),
    "tinygrad": Witness(
        ("tinygrad",), ("matmul", "tanh", "sparse_categorical_crossentropy", "run_linear")
    ),
    "paddle": Witness(("paddle",), ("matmul", "tanh", "cross_entropy", "backward", "step")),
    # of MLX's C++ functions Python's profiler sees none: its graph names them
    "mlx": Witness(("mlx",), ("cross_entropy", "Matmul", "Tanh", "LogSumExp", "Subtract"), "mlx"),
    "chainer": Witness(
        ("chainer",), ("matmul", "tanh", "softmax_cross_entropy", "backward", "update")
    ),
}
