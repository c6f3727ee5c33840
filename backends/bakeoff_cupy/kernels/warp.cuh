// Reductions over a warp, by shuffles.
#pragma once

constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr int WARP = 32;

struct Sum {
    __device__ static float start() { return 0.0f; }
    __device__ static float of(float a, float b) { return a + b; }
};

// A NaN wins, as it does in NumPy: fmaxf would drop it.
struct Max {
    __device__ static float start() { return -infinity(); }
    __device__ static float of(float a, float b) { return a > b || a != a ? a : b; }
};

template <class Op> __device__ inline float over_warp(float x) {
    for (int offset = WARP / 2; offset > 0; offset /= 2)
        x = Op::of(x, __shfl_xor_sync(ALL_LANES, x, offset));
    return x;
}
