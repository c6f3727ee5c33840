// Optimizers, each in one pass over flat arenas of parameters, gradients and slots.
//
// The equations are those of bakeoff_reference.optimizers. A step's numbers (learning rate, bias
// corrections …) are read from device memory, so that a captured graph can be replayed with
// new ones. Slots and arithmetic are float32 whatever the parameters' type.
#include "storage.cuh"
#include "numbers.cuh"

// Calls f(i) for every element, whatever the grid.
template <class F> __device__ inline void each(long long size, F f) {
    const long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < size; i += step) f(i);
}

// For steps of which no other kernel takes the numbers; one warp.
__global__ void next_numbers(const float* table, int* row, float* numbers, int count) {
    take_numbers(table, row, numbers, count);
}

template <class T>
__global__ void sgd(T* w, const T* g, const float* numbers, long long size) {
    const float lr = numbers[0];
    each(size, [=](long long i) { w[i] = narrow<T>(wide(w[i]) - lr * wide(g[i])); });
}

template <class T>
__global__ void momentum(T* w, const T* g, float* v, const float* numbers, long long size) {
    const float lr = numbers[0], beta = numbers[1];
    each(size, [=](long long i) {
        v[i] = beta * v[i] + wide(g[i]);
        w[i] = narrow<T>(wide(w[i]) - lr * v[i]);
    });
}

template <class T>
__global__ void nesterov(T* w, const T* g, float* v, const float* numbers, long long size) {
    const float lr = numbers[0], beta = numbers[1];
    each(size, [=](long long i) {
        const float d = wide(g[i]);
        v[i] = beta * v[i] + d;
        w[i] = narrow<T>(wide(w[i]) - lr * (beta * v[i] + d));
    });
}

template <class T>
__global__ void adagrad(T* w, const T* g, float* s, const float* numbers, long long size) {
    const float lr = numbers[0], eps = numbers[1];
    each(size, [=](long long i) {
        const float d = wide(g[i]);
        s[i] += d * d;
        w[i] = narrow<T>(wide(w[i]) - lr * d / (sqrtf(s[i]) + eps));
    });
}

// The average is kept as a plain sum, as the reference keeps it.
template <class T>
__global__ void rmsprop(T* w, const T* g, float* s, const float* numbers, long long size) {
    const float step = numbers[0], eps = numbers[1], decay = numbers[2];
    each(size, [=](long long i) {
        const float d = wide(g[i]);
        s[i] = decay * s[i] + d * d;
        w[i] = narrow<T>(wide(w[i]) - step * d / (sqrtf(s[i]) + eps));
    });
}

// Both averages are kept as plain sums; the reference's `_adam_scalars` has the derivation.
__device__ inline float adam_update(float d, float& m, float& v, float b1, float b2, float eps,
                                    float step) {
    m = b1 * m + d;
    v = b2 * v + d * d;
    return step * m / (sqrtf(v) + eps);
}

template <class T>
__global__ void adam(T* w, const T* g, float* m, float* v, const float* numbers, long long size) {
    const float b1 = numbers[0], b2 = numbers[1], eps = numbers[2], step = numbers[3];
    each(size, [=](long long i) {
        w[i] = narrow<T>(wide(w[i]) - adam_update(wide(g[i]), m[i], v[i], b1, b2, eps, step));
    });
}

template <class T>
__global__ void adamw(T* w, const T* g, float* m, float* v, const float* numbers,
                      long long size) {
    const float b1 = numbers[0], b2 = numbers[1], eps = numbers[2], step = numbers[3];
    const float shrink = numbers[4];
    each(size, [=](long long i) {
        const float kept = shrink * wide(w[i]);
        w[i] = narrow<T>(kept - adam_update(wide(g[i]), m[i], v[i], b1, b2, eps, step));
    });
}
