"""The operators of graphs that toolkits run, read out of their own objects; Python 3.6."""

import json


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
