import { attention, type State } from "@attnkit/core";
import { allowance, type Host, oracle } from "@attnkit/core/conformance";
import { cpu, type NdArray } from "@attnkit/cpu";
import { about } from "@attnkit/logsumexp/about";
import type { Claim, Size, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { paper } from "./paper.ts";
import { drawTokens, WIDTH } from "./stream.ts";

const LENGTH: Readonly<Record<Size, number>> = { default: 8192, full: 262_144 };
/** The last block is cut where the sequence ends. */
const BLOCKS = [1, 7, 64, 3, 129, 1000, 16, 333] as const;
const VALUES = ["v", "log v"] as const;
const TYPES = ["float64", "float32"] as const;

export const equalsQuadratic: Claim = {
  name: "equals-quadratic",
  sentence:
    "The modified attention of equation 1 is expressible as a composition of log-sums of exponentials that is applied sequentially.",
  paper,
  where: "Equations 1 to 6",
  rule:
    "A sequence is streamed in blocks of uneven sizes, each block with the state of the one before. Rows spread over the sequence are " +
    "compared with the quadratic definition in float64. Supported if every error is within the rounding error that the definition's " +
    "terms allow, u (4 sqrt(n) scale + 4), in float32 and float64; otherwise not supported.",
  deviations: [
    "With v, signed values are summed with a running maximum (equation 1), where the paper takes complex logarithms of negative ones. With log v, input and output are logarithms, as in equations 2 to 6.",
    "Only some rows of the quadratic definition are computed, because all would take minutes.",
  ],
  cells: () => VALUES.flatMap((values) => TYPES.map((dtype) => ({ values, dtype }))),
  async measure({ values, dtype }, { seed, size, progress }) {
    const length = LENGTH[size];
    const { q, k, v } = drawTokens(seed, length);
    const options = { logValues: values === "log v" };
    const backend = cpu({ dtype: dtype as "float32" | "float64" });
    const attend = attention(about.create(options), backend, { causal: true });
    const y = new Float64Array(length * WIDTH);
    let state: State<NdArray> | undefined;
    for (let at = 0, i = 0; at < length; i++) {
      const to = Math.min(length, at + BLOCKS[i % BLOCKS.length]!);
      const up = (x: Float32Array) => backend.upload(x.subarray(at * WIDTH, to * WIDTH), [to - at, WIDTH]);
      const block = attend.sync({ q: up(q), k: up(k), v: up(v), ...(state && { state }) });
      y.set(block.y.data, at * WIDTH);
      state = block.state;
      at = to;
      progress((0.8 * at) / length);
    }
    const rows = rowsOf(length);
    const host = (x: Float32Array): Host => ({ shape: [1, 1, length, WIDTH], data: Float64Array.from(x) });
    const exact = oracle(about.reference(options), {
      block: { q: host(q), k: host(k), v: host(v) },
      causal: true,
      rows,
    });
    const errors = [...exact.y.data].map((e, i) => {
      const got = y[rows[Math.floor(i / WIDTH)]! * WIDTH + (i % WIDTH)]!;
      const error = Math.abs(got - e);
      return { error, share: error / allowance(backend.dtype, exact.terms, exact.scale.data[i]!) };
    });
    return {
      "largest error": Math.max(...errors.map((e) => e.error)),
      "share of allowed": Math.max(...errors.map((e) => e.share)),
    };
  },
  judge,
  figures: () => [],
};

/** The first rows, powers of 2, both sides of them, and the last row. */
function rowsOf(length: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(length)) + 1 }, (_, i) => 2 ** i);
  const near = powers.flatMap((n) => [n - 1, n, n + 1]);
  return [...new Set([0, ...near, length - 1])].filter((n) => n < length).sort((a, b) => a - b);
}

function judge(table: Table): Verdict {
  const cells = VALUES.flatMap((values) =>
    TYPES.map((dtype) => {
      const rows = table.where({ values, dtype });
      const share = Math.max(...rows.values("share of allowed"));
      const error = Math.max(...rows.values("largest error"));
      return {
        share,
        text: `${error.toExponential(1)} for ${values} in ${dtype} (${(100 * share).toPrecision(2)} % of allowed)`,
      };
    }),
  );
  return {
    // NaN is no agreement.
    ruling: cells.every(({ share }) => share <= 1) ? "supported" : "not supported",
    measured: `The largest error over all seeds is ${cells.map((c) => c.text).join(", ")}.`,
  };
}
