"""The operators of graphs that toolkits run, read out of their own objects; Python 3.6."""

import io
import json
import os
import re
import tempfile


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


def caffe(adapter, executable):
    """Return the types of the layers of the net that is trained, and whether a solver did it."""
    solver = getattr(executable, "solver", None)
    updates = [u._net for u in getattr(executable, "_updates", ())]
    types = {layer.type for net in [executable.net, *updates] for layer in net.layers}
    stepped = solver.iter if solver else "Eltwise" in types and "Power" in types
    return types | ({"updated by Caffe"} if stepped else set())


def caffe2(adapter, executable):
    """Return the types of the operators of the training net."""
    return {operator.type for operator in executable.template.net.Proto().op}


def cntk(adapter, executable):
    """Return the names of the operations below the trainer's loss."""
    from cntk.logging.graph import depth_first_search

    found = depth_first_search(
        executable.trainer.loss_function, lambda node: hasattr(node, "op_name"), depth=-1
    )
    return {node.op_name for node in found}


def dl4j(adapter, executable):
    """Return the names of the graph's operations, and whether it holds all gradients."""
    samediff = executable.samediff
    names = {str(function.opName()) for function in samediff.graph.sd.functions()}
    params = [s.variable.getVarName() for s in executable._symbols]
    graded = all(samediff.graph.sd.grad(p).getArr() is not None for p in params)
    return names | ({"gradients"} if graded else set())


def dynet(adapter, executable):
    """Return the operations of the last graph and of a step's, as drawn, and the trainer."""
    last = _written_to_stderr(adapter.dy.print_text_graphviz)  # the update's, where composed
    executable.loss(executable._arguments)
    drawn = last + _written_to_stderr(adapter.dy.print_text_graphviz)
    names = set(re.findall(r'label="v\d+ = (\w+)\(', drawn)) | {type(executable._trainer).__name__}
    return names | ({"matmul"} if re.search(r"= v\d+ \* v\d+", drawn) else set())


def _written_to_stderr(function):
    """Return what C++ writes there."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            function()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode()


def tensorflow1(adapter, executable):
    """Return the types of the operations of the training graph."""
    return {operation.type for operation in executable.graph.get_operations()}


def theano(adapter, executable):
    """Return the classes of the ops of the compiled, optimized function."""
    return {type(node.op).__name__ for node in executable.function.maker.fgraph.apply_nodes}


def mlx(adapter, executable):
    """Return the primitives of a step's graph, from the graph that MLX itself draws."""
    outputs, grads = executable._gradient(tuple(executable._arguments), None)
    new, _ = executable._optimizer.update(
        executable.params(), grads, executable._optimizer.init(executable.params()), 0.1, 1
    )
    drawing = io.StringIO()
    adapter.mx.export_to_dot(drawing, *outputs, *new)
    return re.findall(r'label ="(\w+)"', drawing.getvalue())
