// Cross-entropy of a softmax with integer labels, and its gradient, in one pass over memory.
//
//     loss_r = log sum_c exp(z_rc - m_r) + m_r - z_r,label_r        m_r = max_c z_rc
//     grad_rc = exp(z_rc - m_r) / sum_c exp(z_rc - m_r) - [c = label_r]
//
// logits, grad (rows, classes); labels, losses (rows). One block per row, a multiple of 32
// threads. The maximum is subtracted because exp overflows float32 above 88. A label out of
// range makes its row NaN: a kernel cannot raise.
#include "storage.cuh"
#include "warp.cuh"
#include "block.cuh"

template <class T, class Label>
__global__ void softmax_cross_entropy(const T* __restrict__ logits,
                                      const Label* __restrict__ labels, T* __restrict__ losses,
                                      T* __restrict__ grad, int classes) {
    __shared__ float scratch[MOST_WARPS];
    const long long row = blockIdx.x;
    const T* z = logits + row * classes;
    T* g = grad + row * classes;
    const long long label = labels[row];

    float most = Max::start();
    for (int c = threadIdx.x; c < classes; c += blockDim.x) most = Max::of(wide(z[c]), most);
    most = over_block<Max>(most, scratch);

    float total = 0.0f;
    for (int c = threadIdx.x; c < classes; c += blockDim.x) total += expf(wide(z[c]) - most);
    total = over_block<Sum>(total, scratch);

    const bool known = label >= 0 && label < classes;
    for (int c = threadIdx.x; c < classes; c += blockDim.x) {
        const float p = expf(wide(z[c]) - most) / total;
        g[c] = narrow<T>(known ? p - (c == label ? 1.0f : 0.0f) : not_a_number());
    }
    if (threadIdx.x == 0)
        losses[row] = narrow<T>(known ? logf(total) + (most - wide(z[label])) : not_a_number());
}
