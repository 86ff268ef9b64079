import { elementCount, strides } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import { gpuFacts } from "../gpu-facts.ts";
import type { Host } from "../host.ts";
import { asFloats, storedStrides } from "../stored.ts";

const THREADS = 64;

/** A tensor of a cache: `k`, `v` `[B, Hkv, T, channels]`, or `keep` `[B, T]`. */
export interface CacheEntry<T> {
  readonly x: T;
  /** The entries of past keys, if they are not in `x` yet. Past entries of `keep` are 1 without it. */
  readonly past?: T | undefined;
  /** The entries of the block's own keys, if they are not in `x` yet. Own entries of `keep` are 1 without it. */
  readonly own?: T | undefined;
}

export interface CacheWrite<T> {
  /** P, the number of past keys. */
  readonly past: number;
  /** The first token that is written in tensors that have no `past`: 0 or P. */
  readonly from: number;
  /** Non-zero for present keys of the block `[B, S]`. The k and v of the others become 0. */
  readonly keyMask?: T | undefined;
}

type Entries<T> = Readonly<Record<string, CacheEntry<T>>>;

/**
 * Writes entries of a cache that is row-major or lies token after token. It takes one dispatch, or two where one would bind more
 * buffers than the device allows.
 */
export function writeCache<T>(host: Host<T>, entries: Entries<T>, how: CacheWrite<T>): void {
  const tensors = Object.values(entries).flatMap(({ x, past, own }) => [x, past, own]);
  const buffers = [...tensors, how.keyMask].filter((x) => x !== undefined).length;
  const { keep, ...rows } = entries;
  if (!keep || buffers <= gpuFacts(host.device).buffers) write(host, entries, how);
  else {
    write(host, rows, how);
    write(host, { keep }, how);
  }
}

function write<T>(host: Host<T>, entries: Entries<T>, { past: P, from, keyMask }: CacheWrite<T>): void {
  const writesOwn = keyMask !== undefined || Object.values(entries).some(({ own }) => own !== undefined);
  const parts = Object.entries(entries)
    .filter(([, { past }]) => writesOwn || past !== undefined)
    .map(([name, entry]) => partOf(host, name, entry, P, from, writesOwn));
  const n = Math.max(...parts.map((part) => part.units));
  const [B, T] = [host.shape(parts[0]!.x)[0]!, parts[0]!.tokens];
  dispatch(host, {
    name: "write cache",
    code: `
${parts.map((part) => textOf(part, keyMask !== undefined, part.heads / B)).join("")}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${THREADS}u + lane;
${parts.map(({ name }) => `  if (i < p.${name}_units) { write_${name}(p.${name}_first + i); }\n`).join("")}}`,
    inputs: Object.fromEntries([
      ...parts.flatMap((part) => Object.entries(part.inputs)),
      ...(keyMask ? [["keyMask", keyMask]] : []),
    ]),
    outputs: Object.fromEntries(parts.map(({ name, x }) => [name, x])),
    vec4: parts.flatMap(({ name, lanes, inputs }) => (lanes === 4 ? [name, ...Object.keys(inputs)] : [])),
    stored: parts.map(({ name }) => name),
    sizes: Object.assign({ S: T - P, past: P }, ...parts.map(({ sizes }) => sizes)),
    workgroups: grid(host, Math.ceil(n / THREADS)),
  });
}

/** A tensor as a dispatch writes it. Indices and sizes are in elements, or in vectors of four. */
interface Part<T> {
  readonly name: string;
  readonly x: T;
  readonly inputs: Readonly<Record<string, T>>;
  readonly lanes: 1 | 4;
  /** True if a thread writes two elements: halves that are no vectors. */
  readonly paired: boolean;
  readonly tokenAfterToken: boolean;
  readonly heads: number;
  readonly tokens: number;
  /** The number of threads. */
  readonly units: number;
  readonly sizes: Readonly<Record<string, number>>;
}

function partOf<T>(
  host: Host<T>,
  name: string,
  { x, past, own }: CacheEntry<T>,
  P: number,
  from: number,
  writesOwn: boolean,
): Part<T> {
  const shape = host.shape(x);
  const [tokens, channels] = shape.length === 4 ? [shape[2]!, shape[3]!] : [shape[1]!, 1];
  const heads = elementCount(shape) / (tokens * channels);
  const lanes = channels % 4 === 0 ? 4 : 1;
  const paired = lanes === 1 && host.storage(x) === "float16";
  const width = channels / lanes;
  const inThreads = (tokens: number) => Math.ceil((tokens * heads * width) / (paired ? 2 : 1));
  const first = past === undefined ? inThreads(from) : 0;
  const units = inThreads(writesOwn ? tokens : P) - first;
  const rowMajor = strides(shape);
  const sizes = { first, units, heads, width, tokens, last: tokens * heads * width - 1 };
  const named: readonly (readonly [string, T | undefined])[] = [
    [`${name}_past`, past && asFloats(host, past)],
    [`${name}_own`, own && asFloats(host, own)],
  ];
  return {
    ...{ name, x, lanes, paired, heads, tokens, units },
    tokenAfterToken: storedStrides(host, x).some((n, axis) => n !== rowMajor[axis]),
    inputs: Object.fromEntries(named.filter((entry): entry is [string, T] => entry[1] !== undefined)),
    sizes: Object.fromEntries(Object.entries(sizes).map(([size, n]) => [`${name}_${size}`, n])),
  };
}

/** WGSL `write_name(i)`, which writes what thread i is for, and `name_entry(at)`, its element or its vector of four. */
function textOf<T>({ name, inputs, lanes, paired, ...part }: Part<T>, masked: boolean, perBatch: number): string {
  const [type, four] = lanes === 4 ? ["vec4f", "4"] : ["f32", ""];
  const from = (kind: string, tokens: string, token: string) =>
    `${name}_${kind}_at${four}((head * ${tokens} + ${token}) * p.${name}_width + at % p.${name}_width)`;
  const constant = name === "keep" ? "1.0" : `${name}_at${four}(at)`;
  const entryFrom = (kind: string, tokens: string, token: string) =>
    `${name}_${kind}` in inputs ? from(kind, tokens, token) : constant;
  const row = `at / p.${name}_width`;
  const [head, token] = part.tokenAfterToken
    ? [`${row} % p.${name}_heads`, `${row} / p.${name}_heads`]
    : [`${row} / p.${name}_tokens`, `${row} % p.${name}_tokens`];
  return `
fn ${name}_entry(given: u32) -> ${type} {
  let at = min(given, p.${name}_last);
  let head = ${head};
  let token = ${token};
  if (token < p.past) { return ${entryFrom("past", "p.past", "token")}; }
  ${masked ? `if (!keyMask_true(head / ${perBatch}u * p.S + token - p.past)) { return ${type}(); }` : ""}
  return ${entryFrom("own", "p.S", "(token - p.past)")};
}
fn write_${name}(i: u32) {
  ${paired ? `${name}_put2(i, vec2f(${name}_entry(2u * i), ${name}_entry(2u * i + 1u)))` : `${name}_put${four}(i, ${name}_entry(i))`};
}`;
}
