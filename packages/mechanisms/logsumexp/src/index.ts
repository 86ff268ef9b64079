import type { Block, Mechanism, Output, State } from "@attnkit/core";
import {
  alignPositions,
  appendOnes,
  axisSize,
  blockShape,
  causalChunkMask,
  chunkSizeAtMost,
  clip,
  combineRescaled,
  declareOptions,
  divideOrZero,
  EMPTY_EXPONENT,
  everyRowSeesAllKeys,
  exclusivePrefix,
  flagOption,
  foldQueryHeads,
  HIDDEN_EXPONENT,
  type How,
  headGroupSize,
  joinChunks,
  knownAxisSize,
  logOrMinusInfinity,
  mergeOutputs,
  type Ops,
  type OptionDeclarations,
  type OptionsOf,
  presentKeys,
  replaceAbsent,
  rescaledScan,
  scanGranularity,
  scanTotal,
  splitIntoChunks,
  splitOnes,
  splitQueriesIntoChunks,
  timesDim,
  transposeLast,
  unfoldQueryHeads,
} from "@attnkit/core/program";

const table = {
  logValues: flagOption(false, "says that v holds log V and y holds log Y, as in the paper's code"),
};

export type LogsumexpOptions = OptionsOf<typeof table>;

/** The options of log-sum-exp attention as data. */
export const logsumexpOptions: OptionDeclarations<typeof table> = declareOptions("logsumexp", table);

/** Keys whose exponents are compared pair by pair; earlier ones enter through rescaled states. */
const CHUNK = 16;
/** Far beyond the domain, far above `EMPTY`. */
const LIMIT = 1e8;

/** Log values above this count as this: sums of some thousand of their exponentials are within the float type. */
const LARGEST_LOG = { float32: 80, float64: 700 };

/** Numerators and denominator of rows, `[..., dv + 1]`, up to a factor `exp(top)`, `top [..., 1]`. */
interface Rows<T> {
  readonly sums: T;
  readonly top: T;
}

/** `m [B, Hkv, 1, d]`: largest exponent per channel; `s [B, Hkv, d, dv + 1]`: sums scaled by `exp(-m)`, ones last. */
interface Seen<T> {
  readonly m: T;
  readonly s: T;
}

/**
 * Softmax attention with constant cost per token (Heinsen 2024, eq. 1): `y_i = sum_j w_ij v_j / sum_j w_ij`,
 * `w_ij = sum_c exp(q_ic + k_jc)`. State per channel, rescaled by its largest key: `m [B, Hkv, 1, d]`,
 * `z [B, Hkv, d, 1]`, `s [B, Hkv, d, dv]`; the paper's `H^Z = m + log z`, `H^S = m + log s`. Throws `ATTN_OPTION`.
 */
export function logsumexp(options: LogsumexpOptions = {}): Mechanism<"logsumexp"> {
  const { logValues } = logsumexpOptions.resolve(options);
  const folded =
    "the state is a sum over keys, so single pairs of query and key cannot be changed; use keyMask, or softmax";
  return {
    name: "logsumexp",
    options: { ...options },
    stateOptions: { logValues },
    domain: { q: 1000, k: 1000 },
    takes: { mask: folded, bias: folded, lse: true },
    state: ({ B, Hkv, d, dv }) => ({
      m: { shape: [B, Hkv, 1, d] },
      z: { shape: [B, Hkv, d, 1] },
      s: { shape: [B, Hkv, d, dv] },
    }),
    granularity: ({ causal, dims: { L } }) => (causal ? scanGranularity(L, CHUNK) : 1),
    forward(o, block, how) {
      const present = presentKeys(o, block);
      const [L, S] = [axisSize(o, block.q, 2), axisSize(o, block.k, 2)];
      const x = {
        q: clip(o, block.q, LIMIT),
        k: replaceAbsent(o, present, clip(o, block.k, LIMIT), EMPTY_EXPONENT),
        v: appendOnes(o, logValues ? o.exp(o.minimum(block.v, LARGEST_LOG[o.dtype])) : block.v, present),
        state: block.state,
      };
      const { rows, seen } = everyRowSeesAllKeys(L, S, how.causal) ? whole(o, x) : chunks(o, x, how);
      const [numerator, sum] = splitOnes(o, rows.sums);
      const y = divideOrZero(o, numerator, sum);
      const logs = () => o.reshape(o.add(rows.top, logOrMinusInfinity(o, sum)), o.shape(sum).slice(0, 3));
      return {
        y: logValues ? logOrMinusInfinity(o, y) : y,
        state: how.state === false ? {} : stateOf(o, seen),
        ...(how.lse && { lse: logs() }),
      };
    },
    // Outputs are averages of V, so log Y is merged as Y.
    ...(logValues && {
      mergeOutputs<T>(o: Ops<T>, a: Output<T>, b: Output<T>) {
        const { y, lse } = mergeOutputs(o, { y: o.exp(a.y), lse: a.lse }, { y: o.exp(b.y), lse: b.lse });
        return { y: logOrMinusInfinity(o, y), lse };
      },
    }),
    merge(o, a, b) {
      const { m, s } = join(o, seenBefore(o, a), seenBefore(o, b));
      return stateOf(o, { m, s });
    },
  };
}

/** Every row sees every key: one state serves them all. (MATH 2.5, read) */
function whole<T>(o: Ops<T>, { q, k, v, state }: Block<T>): { rows: Rows<T>; seen: Seen<T> } {
  const top = axisSize(o, k, 2) === 0 ? o.maximum(o.max(k, -2), EMPTY_EXPONENT) : o.max(k, -2);
  const own = { m: top, s: o.matmul(transposeLast(o, o.exp(o.sub(k, top))), v) };
  const seen = state === undefined ? own : join(o, seenBefore(o, state), own);
  const exponents = o.add(foldQueryHeads(o, q, knownAxisSize(o, k, 1)), seen.m);
  const largest = o.max(exponents, -1);
  const sums = o.matmul(o.exp(o.sub(exponents, largest)), seen.s);
  const unfold = (x: T) => unfoldQueryHeads(o, x, knownAxisSize(o, q, 1), axisSize(o, q, 2));
  return { rows: { sums: unfold(sums), top: unfold(largest) }, seen };
}

/**
 * A causal block: inside a chunk by pairs `q_ic + k_jc`, before it by the state scanned up to it. No exponent is
 * compared with a key its row does not see, so nothing underflows however far a later key lies above.
 */
function chunks<T>(o: Ops<T>, { q, k, v, state }: Block<T>, { causal }: How): { rows: Rows<T>; seen: Seen<T> } {
  const [, hq, L] = blockShape(o, q);
  const [B, hkv, S, d] = blockShape(o, k);
  const e = knownAxisSize(o, v, -1);
  const N = timesDim(B, hkv);
  const at = alignPositions(L, S, causal);
  const size = chunkSizeAtMost(CHUNK, at.length);
  const keys = splitIntoChunks(o, k, at.k, at.length, size, EMPTY_EXPONENT); // [N, n, size, d]
  const values = splitIntoChunks(o, v, at.k, at.length, size);
  const queries = splitQueriesIntoChunks(o, q, hkv, at, size); // [N, n, G size, d]
  const [n, rows] = [axisSize(o, keys, 1), knownAxisSize(o, queries, 2)];

  const top = o.max(keys, -2); // [N, n, 1, d]
  const own = o.matmul(transposeLast(o, o.exp(o.sub(keys, top))), values); // [N, n, d, e]
  const past = state && seenBefore(o, state);
  const start = past && { m: o.reshape(past.m, [N, d, 1]), s: o.reshape(past.s, [N, d, 1, e]) };
  const totals = { m: o.transpose(o.reshape(top, [N, n, d]), [0, 2, 1]), s: o.transpose(own, [0, 2, 1, 3]) };
  const scanned = rescaledScan(o, totals, start);
  const found = exclusivePrefix(o, scanned, start);
  const foundM = o.reshape(o.transpose(found.m, [0, 2, 1]), [N, n, 1, d]);
  const foundS = o.transpose(found.s, [0, 2, 1, 3]); // [N, n, d, e]
  const left = scanTotal(o, scanned);

  const pairs = o.add(o.reshape(queries, [N, n, rows, 1, d]), o.reshape(keys, [N, n, 1, size, d]));
  const mask = o.reshape(causalChunkMask(o, size, headGroupSize(hq, hkv)), [rows, size, 1]);
  const inside = o.add(pairs, o.mul(o.sub(mask, 1), -HIDDEN_EXPONENT)); // [N, n, rows, size, d]
  const earlier = o.add(queries, foundM);
  const largestInside = o.reshape(o.max(o.max(inside, -1), -2), [N, n, rows, 1]);
  const largest = o.maximum(largestInside, o.max(earlier, -1)); // [N, n, rows, 1]
  const weights = o.sum(o.exp(o.sub(inside, o.reshape(largest, [N, n, rows, 1, 1]))), -1);
  const sums = o.add(
    o.matmul(o.reshape(weights, [N, n, rows, size]), values),
    o.matmul(o.exp(o.sub(earlier, largest)), foundS),
  );
  const back = (x: T) => joinChunks(o, x, q, at, size);
  return {
    rows: { sums: back(sums), top: back(largest) },
    seen: { m: o.reshape(left.m, [B, hkv, 1, d]), s: o.reshape(left.s, [B, hkv, d, e]) },
  };
}

function stateOf<T>(o: Ops<T>, { m, s: both }: Seen<T>): State<T> {
  const [s, z] = splitOnes(o, both);
  return { m, z, s };
}

const seenBefore = <T>(o: Ops<T>, { m, z, s }: State<T>): Seen<T> => ({ m: m!, s: o.concat([s!, z!], -1) });

function join<T>(o: Ops<T>, a: Seen<T>, b: Seen<T>): Seen<T> {
  const flat = ({ m, s }: Seen<T>) => ({ m: o.reshape(m, o.shape(s).slice(0, 3)), s });
  const { m, s } = combineRescaled(o, flat(a), flat(b)); // m [B, Hkv, d]
  return { m: o.reshape(m, o.shape(a.m)), s };
}
