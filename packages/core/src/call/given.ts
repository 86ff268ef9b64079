import type { Backend } from "../backend/backend.ts";
import { describeValue } from "../backend/describe.ts";
import type { Block, State } from "../program/block.ts";
import { AttentionError } from "../program/errors.ts";
import { nearestName } from "../program/options.ts";

const ENTRIES: ReadonlySet<string> = /* @__PURE__ */ new Set(["q", "k", "v", "mask", "bias", "keyMask", "state"]);

/**
 * The rules of a block that need no shapes: an object with `q`, `k` and `v`, and no entry that is unknown. Throws
 * `ATTN_OPTION` on an unknown name and on what is no block, `ATTN_DATA` on a missing tensor. (SEMANTICS S14)
 */
export function checkBlock<T>(who: string, block: Block<T>, more: readonly unknown[]): void {
  const q = (block as Partial<Block<T>> | null | undefined)?.q;
  const second = more[0];
  if (typeof block !== "object" || q === undefined || (second !== undefined && typeof second !== "number")) {
    const got = [block, ...more].map(describeValue).join("; ");
    const options = second !== undefined && q !== undefined ? ". Options belong to attention(...)" : "";
    const rule = "a call takes one object { q, k, v, mask, bias, keyMask, state }";
    throw new AttentionError("ATTN_DATA", who, `${rule}; got ${got}, expected q, k and v as its entries${options}`);
  }
  for (const name in block) if (!ENTRIES.has(name) && Object.hasOwn(block, name)) throw unknownEntry(who, name);
  if (block.k === undefined || block.v === undefined) {
    const missing = block.k === undefined ? "k" : "v";
    const got = Object.keys(block).filter((n) => block[n as "q"] !== undefined);
    throw new AttentionError(
      "ATTN_DATA",
      who,
      `a block needs q, k and v; ${missing} is missing, got ${got.join(", ")}, expected a tensor`,
    );
  }
}

function unknownEntry(who: string, name: string): AttentionError {
  const rule = `a block has no entry ${name}; got ${name}, expected the entries ${[...ENTRIES].join(", ")}`;
  return new AttentionError("ATTN_OPTION", who, `${rule}${hintFor(name)}`);
}

/**
 * Refuses booleans as q, k, v or bias and floats as mask or keyMask, where the backend tells them apart. Throws `ATTN_DATA`.
 */
export function checkTypes<T>(who: string, backend: Backend<T>, block: Block<T>): void {
  for (const name in block) {
    const x = block[name as "q"];
    if (name !== "state" && x !== undefined) checkType(who, backend, x, name, name === "mask" || name === "keyMask");
  }
}

/** Throws `ATTN_DATA` if entry `name` is a tensor of booleans and should hold floats, or the reverse. */
export function checkType<T>(who: string, backend: Backend<T>, x: T, name: string, isMask: boolean): void {
  if (backend.boolean!(x) === isMask) return;
  const rule = isMask
    ? "got floats, expected booleans: true = may attend. An additive mask is bias"
    : "got booleans, expected floats";
  throw new AttentionError("ATTN_DATA", who, `${name} is a tensor of another type; ${rule}`);
}

function hintFor(name: string): string {
  const bare = name.toLowerCase();
  if (["causal", "lse", "kernels"].includes(name)) return `. ${name} is an option of attention(...)`;
  if (/key.*(mask|pad)/.test(bare)) return ". Did you mean keyMask, which is true where a key is present?";
  if (/att.*mask/.test(bare)) return ". Did you mean mask, which is boolean, or bias, which is added to the scores?";
  if (/past|cache/.test(bare)) return ". Did you mean state?";
  const meant = nearestName(name, [...ENTRIES]) ?? [...ENTRIES].slice(0, 3).find((n) => bare.startsWith(n));
  return meant ? `. Did you mean ${meant}?` : "";
}

/** Throws `ATTN_STATE` unless `x` is an object of tensors by name, such as `result.state`. */
export function checkGivenState<T>(who: string, name: string, x: State<T>): void {
  const given: unknown = x;
  const fits = typeof given === "object" && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given);
  if (fits && !("y" in given && "state" in given) && !("then" in given)) {
    for (const _ in given) return;
    const rule = `${name} has no entries; got an empty state, expected that of a result`;
    throw new AttentionError("ATTN_STATE", who, `${rule}. Leave it out at the start; with state: false there is none`);
  }
  const whole = fits && "y" in given ? `a whole result. Pass its entry state` : describeValue(x);
  throw new AttentionError("ATTN_STATE", who, `${name} must be the state of a result; got ${whole}, expected { }`);
}
