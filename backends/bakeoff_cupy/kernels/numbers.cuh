// The numbers of a step (learning rate, bias corrections …), which a captured graph must find anew
// at every replay: they lie in a table on the device, of which each step takes a row.
#pragma once

// By one warp: takes the next row, and moves on. At most 32 numbers.
__device__ inline void take_numbers(const float* table, int* row, float* numbers, int count) {
    const int i = threadIdx.x, present = *row;
    if (i < count) numbers[i] = table[(long long)present * count + i];
    __syncwarp();
    if (i == 0) *row = present + 1;
}
