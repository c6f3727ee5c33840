// CUDA's words for one block of threads at a time, on the CPU: each thread is a fiber with a
// stack of its own, and runs until it comes to a barrier or a shuffle. What this cannot show:
// tensor cores, asynchronous copies, alignment, and races between barriers, except those that
// the two orders of running the threads decide differently.
#pragma once
#include <ucontext.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static  // blocks run one after the other, in one thread of the host

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {
constexpr int WARP_SIZE = 32;
enum State { READY, AT_BLOCK, AT_WARP, DONE };

struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(64 * 1024);
    dim3 index;
    State state = READY;
    float offered = 0;  // to a shuffle
};

static std::vector<Fiber> fibers;
static ucontext_t scheduler;
static int running = 0;
static std::function<void()> body;

inline void pause(State state) {
    fibers[running].state = state;
    swapcontext(&fibers[running].context, &scheduler);
    threadIdx = fibers[running].index;
}

inline void enter() {
    body();
    fibers[running].state = DONE;
}

// Lets the fibers [begin, end) go on if all that live have come to the same kind of barrier.
inline bool release(int begin, int end, State barrier) {
    bool any = false;
    for (int i = begin; i < end; ++i) {
        if (fibers[i].state != barrier && fibers[i].state != DONE) return false;
        any = any || fibers[i].state == barrier;
    }
    for (int i = begin; i < end; ++i)
        if (fibers[i].state == barrier) fibers[i].state = READY;
    return any;
}

// A warp runs as far ahead of the others as it can: to a barrier of the block.
inline void run_warp(int warp, int count, bool backwards) {
    const int begin = warp * WARP_SIZE;
    const int end = begin + WARP_SIZE < count ? begin + WARP_SIZE : count;
    do {
        for (int n = begin; n < end; ++n) {
            running = backwards ? begin + end - 1 - n : n;
            if (fibers[running].state != READY) continue;
            threadIdx = fibers[running].index;
            swapcontext(&scheduler, &fibers[running].context);
        }
    } while (release(begin, end, AT_WARP));
}

// Returns whether every thread came to its end.
inline bool run_block(bool backwards) {
    const int count = blockDim.x * blockDim.y * blockDim.z;
    fibers.resize(count);
    for (int i = 0; i < count; ++i) {
        Fiber& f = fibers[i];
        f.index = dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y));
        f.state = READY;
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = &scheduler;
        makecontext(&f.context, enter, 0);
    }
    const int warps = (count + WARP_SIZE - 1) / WARP_SIZE;
    for (;;) {
        for (int n = 0; n < warps; ++n) run_warp(backwards ? warps - 1 - n : n, count, backwards);
        bool living = false;
        for (const Fiber& f : fibers) living = living || f.state != DONE;
        if (!living) return true;
        if (!release(0, count, AT_BLOCK)) return false;  // some wait for others that never come
    }
}

// Returns 0, or 1 + the number of the first block that hung.
template <class Kernel>
int launch(dim3 grid, dim3 block, bool backwards, Kernel kernel) {
    gridDim = grid, blockDim = block, body = kernel;
    const unsigned blocks = grid.x * grid.y * grid.z;
    for (unsigned n = 0; n < blocks; ++n) {
        const unsigned b = backwards ? blocks - 1 - n : n;
        blockIdx = dim3(b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y));
        if (!run_block(backwards)) return 1 + b;
    }
    return 0;
}
}  // namespace emulator

inline float __int_as_float(int bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline void __syncthreads() { emulator::pause(emulator::AT_BLOCK); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulator::pause(emulator::AT_WARP); }

// Every lane offers a value; when all have, each takes one; when all have taken, they go on.
inline float exchange(float value, int from) {
    emulator::fibers[emulator::running].offered = value;
    __syncwarp();
    const int warp = emulator::running / emulator::WARP_SIZE * emulator::WARP_SIZE;
    const float taken = emulator::fibers[warp + from].offered;
    __syncwarp();
    return taken;
}
inline int lane() { return emulator::running % emulator::WARP_SIZE; }
inline float __shfl_sync(unsigned, float x, int from) { return exchange(x, from % 32); }
inline float __shfl_xor_sync(unsigned, float x, int mask) { return exchange(x, lane() ^ mask); }

template <class T> T atomicAdd(T* where, T x) {
    const T old = *where;
    *where += x;
    return old;
}
