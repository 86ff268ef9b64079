import type { Floats } from "./ndarray.ts";

/** `out[i] = exp(x[i])`, to the last bit or two of float64. */
export function exp64(out: Floats, x: Floats): void {
  for (let i = 0; i < out.length; i++) out[i] = Math.exp(x[i]!);
}

/**
 * `out[i] = exp(x[i])` where float32 is stored, two to three times as fast as `Math.exp`: with n the whole number nearest
 * to 64 x / ln 2 and r = x - n ln 2 / 64, `exp(x) = 2^(n / 64) exp(r)`. The series of exp(r) stops after r^4: |r| < 0.0055
 * bounds what is left out by 5e-14, a millionth of a float32 rounding.
 */
export function exp32(out: Floats, x: Floats): void {
  for (let i = 0; i < out.length; i++) {
    const v = x[i]!;
    if (v > LARGEST) out[i] = Number.POSITIVE_INFINITY;
    else if (v < SMALLEST) out[i] = 0;
    else {
      const n = v * STEPS_PER_ONE + ROUND - ROUND;
      const r = v - n * STEP;
      const e = n | 0; // NaN becomes 0 here and stays NaN in r
      out[i] = FRACTION[e & 63]! * POWER[(e >> 6) + BIAS]! * (1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24)))));
    }
  }
}

/** Beyond these float32 has only infinity and 0: ln of 2^128 and of 2^-150, a little outside. */
const LARGEST = 89;
const SMALLEST = -104;

const STEP = Math.LN2 / 64;
const STEPS_PER_ONE = 64 / Math.LN2;
/** Added and taken away again, 1.5 * 2^52 leaves the nearest whole number. */
const ROUND = 1.5 * 2 ** 52;

/** `2^(i / 64)`, and `2^(i - BIAS)` for every power that SMALLEST to LARGEST can ask for. */
const BIAS = 152;
const FRACTION: Float64Array = /* @__PURE__ */ Float64Array.from({ length: 64 }, (_, i) => 2 ** (i / 64));
const POWER: Float64Array = /* @__PURE__ */ Float64Array.from({ length: 282 }, (_, i) => 2 ** (i - BIAS));
