"""PyTorch on an NVIDIA GPU: its precision, its events, its memory.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html
"""

from typing import Any, Callable, Dict, Tuple

WARMUPS = 3  # before a capture, as PyTorch's manual has it: kernels are chosen, memory is taken
UNKNOWN_CACHE_BYTES = 128 * 2**20  # more than any GPU's second-level cache to date


def set_precision(torch: Any, tf32: bool = False) -> None:
    """Turn off what trades digits for speed: TF32, unless it is asked for, and sums in 16 bits.

    Raises
    ------
    ImportError
        If this PyTorch cannot use a GPU.
    """
    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = "sees no CUDA device" if built else "was built without CUDA"
        remedy = "" if built else "; pip's settings prefer that build: have them prefer a CUDA one"
        raise ImportError("PyTorch %s %s%s" % (torch.__version__, why, remedy))
    matmul = torch.backends.cuda.matmul
    matmul.allow_tf32 = tf32
    matmul.allow_fp16_reduced_precision_reduction = False
    matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.allow_tf32 = tf32


def describe(torch: Any) -> Dict[str, Any]:
    """Return device, libraries and precision as PyTorch reads them back."""
    device, cudnn = torch.cuda.get_device_properties(0), torch.backends.cudnn
    matmul = torch.backends.cuda.matmul
    return {
        "device": "cuda (%s, compute capability %d.%d)" % (device.name, device.major, device.minor),
        "cuda": torch.version.cuda,
        "cudnn": cudnn.version(),
        "cudnn_benchmark": cudnn.benchmark,
        "precision": "float32 matmul precision %r; TF32 in matmul %s, in cuDNN %s; "
        "reduced-precision sums in float16 %s, in bfloat16 %s"
        % (
            torch.get_float32_matmul_precision(),
            _switch(matmul.allow_tf32),
            _switch(cudnn.allow_tf32),
            _switch(matmul.allow_fp16_reduced_precision_reduction),
            _switch(matmul.allow_bf16_reduced_precision_reduction),
        ),
        "blas": "cuBLAS, cuDNN",
    }


def modes(torch: Any) -> Dict[str, Any]:
    """Return the settings of precision that `set_precision` sets, read back."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    in_16_bits = [
        matmul.allow_fp16_reduced_precision_reduction,
        matmul.allow_bf16_reduced_precision_reduction,
    ]
    return {
        "tf32": bool(matmul.allow_tf32 or cudnn.allow_tf32),
        "accumulate": "16 bits" if any(in_16_bits) else "float32",
    }


def _switch(state: Any) -> str:
    return "on" if state else "off"


class Timer(object):
    """Events on the current stream, and what flushes the second-level cache.

    Its buffer is there from the beginning, so that `peak_bytes` can leave it out.
    """

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        cache = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0)
        size = 2 * int(cache or UNKNOWN_CACHE_BYTES)
        self.buffer_bytes = size
        self._buffer = torch.empty(size, dtype=torch.uint8, device="cuda")

    def record(self) -> Any:
        """Queue an event on the current stream."""
        event = self._torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def elapsed_ns(self, start: Any, end: Any) -> int:
        """Wait for ``end``; return the time since ``start``, to about half a microsecond."""
        end.synchronize()
        elapsed_ms: float = start.elapsed_time(end)
        return round(1e6 * elapsed_ms)

    def flush_cache(self) -> None:
        """Write twice the cache's size, on the stream of the programs: before what follows."""
        self._buffer.zero_()


def capturable(wide: bool) -> Dict[str, Any]:
    """Return the options of an optimizer in a graph; the fused one reads rates in float32 only."""
    return {"capturable": True, "fused": not wide}


def captured(torch: Any, work: Callable[[], Any]) -> Tuple[Callable[[], None], Any]:
    """Return what replays some work as one graph, and its result: each replay fills it anew.

    The work is done a few times before it is captured, on another stream than the default one.
    """
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARMUPS):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    with torch.cuda.graph(graph):
        result = work()
    return graph.replay, result


def peak_bytes(torch: Any, timer: Timer) -> int:
    """Return the most that tensors took since `reset_peak`, without the timer's buffer."""
    return max(0, int(torch.cuda.max_memory_allocated()) - timer.buffer_bytes)


def reset_peak(torch: Any) -> None:
    """Give cached memory back, and let the peak begin anew."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
