// The second layer of a network of two, with its loss and all its gradients, in two kernels.
//
//     z = h W + b        loss = mean_r (log sum_c exp z_rc - z_r,label_r)        dz = d loss / dz
//     dW = h^T dz        db = sum_r dz_r        dh = (dz W^T) where h > 0
//
// h, dh (rows, hidden); W, dW (hidden, classes); b, db (classes); dz (rows, classes);
// labels, losses (rows). At most 32 classes: one lane each. h comes from a ReLU.
#include "storage.cuh"
#include "warp.cuh"
#include "numbers.cuh"

// One warp per row, `blockDim.y` rows per block; lane c holds class c. The first warp also takes
// the step's numbers for the optimizer's kernel, which so needs no launch of its own.
template <class T, class Label>
__global__ void classify(const T* __restrict__ h, const T* __restrict__ weight,
                         const T* __restrict__ bias, const Label* __restrict__ labels,
                         T* __restrict__ losses, T* __restrict__ dz, int rows, int hidden,
                         int classes, const float* table, int* table_row, float* numbers,
                         int count) {
    if (blockIdx.x == 0 && threadIdx.y == 0) take_numbers(table, table_row, numbers, count);
    const int row = blockIdx.x * blockDim.y + threadIdx.y, c = threadIdx.x;
    if (row >= rows) return;  // a whole warp: no lane is missed by the shuffles
    float z = c < classes ? wide(bias[c]) : -infinity();
    for (int begin = 0; begin < hidden; begin += WARP) {
        const int k = begin + c;
        const float mine = k < hidden ? wide(h[(long long)row * hidden + k]) : 0.0f;
        for (int lane = 0; lane < WARP && begin + lane < hidden; ++lane) {
            const float x = __shfl_sync(ALL_LANES, mine, lane);
            if (c < classes) z += x * wide(weight[(long long)(begin + lane) * classes + c]);
        }
    }
    const float most = over_warp<Max>(z);
    const float e = c < classes ? expf(z - most) : 0.0f;
    const float total = over_warp<Sum>(e);
    const long long label = labels[row];
    const bool known = label >= 0 && label < classes;
    if (c < classes) {
        const float d = e / total - (c == label ? 1.0f : 0.0f);
        dz[(long long)row * classes + c] = narrow<T>(known ? d / rows : not_a_number());
    }
    if (c == label && known) losses[row] = narrow<T>(logf(total) + (most - z));
    if (c == 0 && !known) losses[row] = narrow<T>(not_a_number());
}

// Block (32, 8), one of four kinds. Blocks below `hidden` compute a row of dW each, the next one db
// (the row of ones that a bias is), the next the mean loss; the others dh for eight rows of h each.
template <class T>
__global__ void classify_grad(const T* __restrict__ h, const T* __restrict__ weight,
                              const T* __restrict__ dz, const T* __restrict__ losses,
                              T* __restrict__ dweight, T* __restrict__ dbias,
                              T* __restrict__ dh, T* __restrict__ loss, int rows, int hidden,
                              int classes) {
    constexpr int STRIPES = 8;
    __shared__ float partial[STRIPES][WARP];
    const int lane = threadIdx.x, stripe = threadIdx.y;
    const int k = blockIdx.x;
    if (k <= hidden + 1) {
        float total = 0.0f;
        if (k > hidden) {
            for (int r = stripe * WARP + lane; r < rows; r += STRIPES * WARP)
                total += wide(losses[r]);
        } else if (lane < classes) {
            for (int r = stripe; r < rows; r += STRIPES) {
                const float x = k < hidden ? wide(h[(long long)r * hidden + k]) : 1.0f;
                total += x * wide(dz[(long long)r * classes + lane]);
            }
        }
        partial[stripe][lane] = total;
        __syncthreads();
        if (stripe > 0) return;
        for (int s = 1; s < STRIPES; ++s) total += partial[s][lane];
        if (k > hidden) {
            total = over_warp<Sum>(total);
            if (lane == 0) *loss = narrow<T>(total / rows);
        } else if (lane < classes) {
            if (k < hidden) dweight[(long long)k * classes + lane] = narrow<T>(total);
            else dbias[lane] = narrow<T>(total);
        }
        return;
    }
    const int row = (blockIdx.x - hidden - 2) * STRIPES + stripe;
    if (row >= rows) return;
    for (int k = lane; k < hidden; k += WARP) {
        float total = 0.0f;
        for (int c = 0; c < classes; ++c)
            total += wide(dz[(long long)row * classes + c]) *
                     wide(weight[(long long)k * classes + c]);
        const long long i = (long long)row * hidden + k;
        dh[i] = narrow<T>(wide(h[i]) > 0.0f ? total : 0.0f);
    }
}
