"""The operators of graphs that toolkits run, read out of their own objects; Python 3.6."""

import json


def of_hybrid_block(adapter, executable):
    """Return the operators of MXNet's cached graph."""
    _, symbol = executable._block._cached_graph
    return [node["op"] for node in json.loads(symbol.tojson())["nodes"]]
