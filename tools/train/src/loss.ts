import { knownAxisSize, type Ops } from "@attnkit/core/program";
import { meanOf } from "./functions.ts";
import type { HostTensor } from "./parameters.ts";

/**
 * Returns the mean cross-entropy in nats, `[1]`, of logits `[..., classes]` and one-hot targets of the same shape. The
 * largest logit is subtracted first, so that no exponential overflows. Rows of zeros in `targets` count as log-sum-exp.
 */
export function crossEntropy<T>(o: Ops<T>, logits: T, targets: T): T {
  const classes = knownAxisSize(o, logits, -1);
  const [x, t] = [o.reshape(logits, [-1, classes]), o.reshape(targets, [-1, classes])];
  const shifted = o.sub(x, o.max(x, -1));
  const lse = o.log(o.sum(o.exp(shifted), -1)); // [rows, 1]
  return meanOf(o, o.sub(lse, o.sum(o.mul(shifted, t), -1)));
}

/** Returns the mean squared error, `[1]`. */
export function meanSquaredError<T>(o: Ops<T>, output: T, target: T): T {
  const error = o.sub(output, target);
  return meanOf(o, o.mul(error, error));
}

/** Returns the mean absolute error, `[1]`. Its gradient at an error of 0 is 0. */
export function meanAbsoluteError<T>(o: Ops<T>, output: T, target: T): T {
  const error = o.sub(output, target);
  return meanOf(o, o.maximum(error, o.mul(error, -1)));
}

/** Returns the share, 0 to 1, of rows whose largest logit is that of the target. Both are `[..., classes]` on the host. */
export function accuracy(logits: HostTensor, targets: HostTensor): number {
  const classes = logits.shape.at(-1)!;
  if (logits.data.length !== targets.data.length || logits.data.length === 0)
    throw new RangeError(
      `accuracy: got ${logits.data.length} logits and ${targets.data.length} targets; expected equal numbers from 1.`,
    );
  const rows = logits.data.length / classes;
  let right = 0;
  for (let row = 0; row < rows; row++) {
    const of = ({ data }: HostTensor) => largest(data.subarray(row * classes, (row + 1) * classes));
    if (of(logits) === of(targets)) right++;
  }
  return right / rows;
}

/** The index of the largest value; the first one of equals. */
function largest(row: Float32Array): number {
  let at = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[at]!) at = i;
  return at;
}
