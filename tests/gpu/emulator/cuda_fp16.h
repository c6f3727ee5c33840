// Binary16 as CUDA names it: stored in 16 bits, rounded to nearest even (IEEE 754-2008, 3.6).
#pragma once
#include <cstdint>
#include <cstring>

struct __half {
    uint16_t bits;
};

inline float __half2float(__half h) {
    const uint32_t sign = (h.bits & 0x8000u) << 16, exponent = h.bits >> 10 & 31,
                   mantissa = h.bits & 0x3ff;
    float magnitude;
    if (exponent == 31) {
        const uint32_t bits = 0x7f800000u | mantissa << 13;
        std::memcpy(&magnitude, &bits, 4);
    } else if (exponent == 0) {
        magnitude = mantissa * 5.9604644775390625e-8f;  // 2^-24
    } else {
        const uint32_t bits = (exponent + 112) << 23 | mantissa << 13;
        std::memcpy(&magnitude, &bits, 4);
    }
    return sign ? -magnitude : magnitude;
}

inline __half __float2half(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    const uint16_t sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00u)};
    if (bits >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};  // above 65519.99
    if (bits < 0x38800000u) {  // below 2^-14: a multiple of 2^-24
        float magnitude;
        std::memcpy(&magnitude, &bits, 4);
        const float shifted = magnitude + 0.5f;  // whose last bit is 2^-24: rounds to even
        uint32_t rounded;
        std::memcpy(&rounded, &shifted, 4);
        return {static_cast<uint16_t>(sign | (rounded - 0x3f000000u))};
    }
    bits += 0xfffu + (bits >> 13 & 1u);
    return {static_cast<uint16_t>(sign | (bits - 0x38000000u) >> 13)};
}
