"""Plans of cuDNN: a graph of one node, the kernels that cuDNN's heuristics choose for it.

Source: https://docs.nvidia.com/deeplearning/cudnn/frontend/latest/operations/Convolutions.html
"""

from typing import Any, NamedTuple

from .problem import Pass, Problem

UIDS = (1, 2, 3)  # of the first operand, the second, and the result
OPERATIONS: dict[Pass, tuple[str, str, str]] = {  # the node, and what it calls its operands
    "forward": ("conv_fprop", "image", "weight"),
    "input_grad": ("conv_dgrad", "loss", "filter"),
    "filter_grad": ("conv_wgrad", "loss", "image"),
}
TYPES = {"float32": "FLOAT", "float16": "HALF", "bfloat16": "BFLOAT16"}

# Never: sums in the storage's precision; other sums than the direct one, whose error bound is
# not the direct one's; kernels whose bits differ from call to call.
AVOIDED = (
    *("REDUCED_PRECISION_REDUCTION", "DOWN_CONVERT_INPUTS", "NONDETERMINISTIC", "FFT", "WINOGRAD"),
    *("WINOGRAD_TILE_4x4", "WINOGRAD_TILE_6x6", "WINOGRAD_TILE_13x13"),
)


class Refused(Exception):
    """cuDNN has no kernel for a problem; the message is its own."""


class Plan(NamedTuple):
    """A graph that is ready to be executed."""

    problem: Problem
    graph: Any
    workspace_bytes: int


def build(cudnn: Any, problem: Problem, **target: Any) -> Plan:
    """Return the plan that cuDNN's heuristics put first.

    ``target`` is what it is for: a ``handle``, or the ``device_property`` of a device that need
    not be there.

    Raises
    ------
    Refused
        If there is none.
    """
    storage, single = getattr(cudnn.data_type, TYPES[problem.dtype]), cudnn.data_type.FLOAT
    graph = cudnn.pygraph(
        io_data_type=storage, intermediate_data_type=single, compute_data_type=single, **target
    )
    name, *operands = OPERATIONS[problem.which]
    shapes = [list(s) for s in problem.shapes]
    strides = [list(problem.strides(s)) for s in problem.shapes]
    given = {
        operand: graph.tensor(dim=dim, stride=stride, data_type=storage, uid=uid, name=operand)
        for operand, dim, stride, uid in zip(operands, shapes[:2], strides, UIDS, strict=False)
    }
    result = getattr(graph, name)(
        **given,
        pre_padding=list(problem.low),
        post_padding=list(problem.high),
        stride=list(problem.stride),
        dilation=list(problem.dilation),
        compute_data_type=single,
    )
    result.set_output(True).set_uid(UIDS[2]).set_data_type(storage)
    result.set_dim(shapes[2]).set_stride(strides[2])
    try:
        _choose(cudnn, graph, problem)
    except cudnn.cudnnGraphNotSupportedError as error:
        raise Refused(str(error)) from error
    return Plan(problem, graph, graph.get_workspace_size())


def _choose(cudnn: Any, graph: Any, problem: Problem) -> None:
    graph.validate()
    graph.build_operation_graph()
    graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
    avoided = AVOIDED if problem.tensor_cores else (*AVOIDED, "TENSOR_CORE")
    graph.deselect_numeric_notes([getattr(cudnn.numerical_note, n) for n in avoided])
    graph.check_support()
    graph.build_plans(cudnn.build_plan_policy.HEURISTICS_CHOICE)
