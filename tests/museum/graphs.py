"""The operators of graphs that toolkits run, read out of their own objects; Python 3.6."""

import io
import json
import re


def of_hybrid_block(adapter, executable):
    """Return the operators of MXNet's cached graph."""
    _, symbol = executable._block._cached_graph
    return [node["op"] for node in json.loads(symbol.tojson())["nodes"]]


def of_tf_function(adapter, executable):
    """Return the operators of the graph that ``tf.function`` has traced."""
    traced = executable._step.experimental_get_tracing_count()
    assert traced == 1, "traced %d times" % traced
    (concrete,) = executable._step._list_all_concrete_functions()
    return [op.type for op in concrete.graph.get_operations()]


def mlx(adapter, executable):
    """Return the primitives of a step's graph, from the graph that MLX itself draws."""
    outputs, grads = executable._gradient(tuple(executable._arguments), None)
    new, _ = executable._optimizer.update(
        executable.params(), grads, executable._optimizer.init(executable.params()), 0.1, 1
    )
    drawing = io.StringIO()
    adapter.mx.export_to_dot(drawing, *outputs, *new)
    return re.findall(r'label ="(\w+)"', drawing.getvalue())
