// Reductions over a block: over each warp, then over the warps through shared memory.
#pragma once

constexpr int MOST_WARPS = 32;  // of a block: 1024 threads

// Over the threads of one block, a multiple of 32 of them along x; every thread gets the result.
// `scratch` may be used again at once: the first barrier waits for
// those who still read.
template <class Op> __device__ inline float over_block(float x, float (&scratch)[MOST_WARPS]) {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    x = over_warp<Op>(x);
    if (warps == 1) return x;
    __syncthreads();
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    return over_warp<Op>(lane < warps ? scratch[lane] : Op::start());
}
