"""The operators of graphs that toolkits run, read out of their own objects; Python 3.6."""

import io
import re


def mlx(adapter, executable):
    """Return the primitives of a step's graph, from the graph that MLX itself draws."""
    outputs, grads = executable._gradient(tuple(executable._arguments), None)
    new, _ = executable._optimizer.update(
        executable.params(), grads, executable._optimizer.init(executable.params()), 0.1, 1
    )
    drawing = io.StringIO()
    adapter.mx.export_to_dot(drawing, *outputs, *new)
    return re.findall(r'label ="(\w+)"', drawing.getvalue())
