// A bias and an activation in one pass, and both gradients in one pass back.
//
//     y_rc = f(x_rc + b_c)        dx_rc = g_rc f'(y_rc)        db_c = sum_r dx_rc
//
// x, y, g, dx (rows, columns); bias, db (columns). The derivatives are functions of the result,
// so that the input need not be kept.
#include "storage.cuh"

struct Identity {
    __device__ static float forward(float x) { return x; }
    __device__ static float slope(float) { return 1.0f; }
};
struct Relu {
    // Written so that a NaN stays one.
    __device__ static float forward(float x) { return x < 0.0f ? 0.0f : x; }
    __device__ static float slope(float y) { return y > 0.0f ? 1.0f : 0.0f; }
};
struct Sigmoid {
    __device__ static float forward(float x) { return 1.0f / (1.0f + expf(-x)); }
    __device__ static float slope(float y) { return y * (1.0f - y); }
};
struct Tanh {
    __device__ static float forward(float x) { return tanhf(x); }
    __device__ static float slope(float y) { return 1.0f - y * y; }
};

template <class T, class F>
__global__ void bias_activation(const T* __restrict__ x, const T* __restrict__ bias,
                                T* __restrict__ y, long long size, int columns) {
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < size; i += step)
        y[i] = narrow<T>(F::forward(wide(x[i]) + wide(bias[i % columns])));
}

constexpr int TILE = 32;  // columns of a block, so that a warp reads 32 neighbours
constexpr int STRIPES = 8;  // rows of threads, each adding up every eighth row

// Block (32, 8), one block per 32 columns.
template <class T, class F>
__global__ void bias_activation_grad(const T* __restrict__ g, const T* __restrict__ y,
                                     T* __restrict__ dx, T* __restrict__ db, int rows,
                                     int columns) {
    __shared__ float partial[STRIPES][TILE];
    const int column = blockIdx.x * TILE + threadIdx.x;
    float total = 0.0f;
    if (column < columns) {
        for (int r = threadIdx.y; r < rows; r += STRIPES) {
            const long long i = (long long)r * columns + column;
            const float d = wide(g[i]) * F::slope(wide(y[i]));
            dx[i] = narrow<T>(d);
            total += d;
        }
    }
    partial[threadIdx.y][threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.y == 0 && column < columns) {
        for (int s = 1; s < STRIPES; ++s) total += partial[s][threadIdx.x];
        db[column] = narrow<T>(total);
    }
}
