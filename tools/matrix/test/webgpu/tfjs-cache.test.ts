/** Decode steps of kernels on tfjs, whose tensors do not grow: one dispatch writes a new cache. */
import { backends } from "@attnkit/catalog";
import { attention, type Block, type State } from "@attnkit/core";
import { meter } from "@attnkit/measure/gpu-meter";
import { polynomial } from "@attnkit/polynomial/webgpu";
import { softmax } from "@attnkit/softmax/webgpu";
import type { Tensor, TfjsBackend } from "@attnkit/tfjs";
import { type Host, hostOf } from "@attnkit/wgsl";
import { beforeAll, describe, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let backend: TfjsBackend;
let host: Host<Tensor>;

beforeAll(async () => {
  backend = (await backends.find((b) => b.name === "tfjs-webgpu")!.create()) as TfjsBackend;
  host = hostOf(backend) as Host<Tensor>;
});

const [B, Hq, Hkv] = [2, 4, 2];
const mechanisms = {
  softmax: () => softmax(),
  polynomial: () => polynomial({ power: 3, form: "quadratic" }),
};

/** Tokens `from..from + n - 1`. `absent` names the sequences whose keys and values are NaN. */
function tokens(from: number, n: number, [d, dv]: readonly [number, number], absent: readonly number[] = []) {
  const tensor = (heads: number, width: number, kind: number) => {
    const data = Float32Array.from({ length: B * heads * n * width }, (_, i) => {
      const [row, t, c] = [Math.floor(i / width / n), from + (Math.floor(i / width) % n), i % width];
      const hidden = kind > 0 && absent.includes(Math.floor(row / heads));
      return hidden ? Number.NaN : Math.sin(1 + 13 * row + 3.1 * t + 0.7 * c + 100 * kind);
    });
    return backend.upload(data, [B, heads, n, width]);
  };
  return { q: tensor(Hq, d, 0), k: tensor(Hkv, d, 1), v: tensor(Hkv, dv, 2) };
}

async function close(got: Tensor, expected: Tensor, tolerance: number) {
  const [x, y] = [await backend.download(got), await backend.download(expected)];
  expect(backend.shape(got)).toEqual(backend.shape(expected));
  x.forEach((value, i) => {
    const near = value === y[i]! || Math.abs(value - y[i]!) <= tolerance * Math.max(1, Math.abs(y[i]!));
    if (!near) expect.fail(`element ${i} is ${value}, expected ${y[i]}`);
  });
}

describe.each([
  ["softmax", 20, [8, 8]],
  ["softmax", 20, [7, 6]],
  ["softmax", 300, [8, 6]],
  ["polynomial", 300, [8, 8]],
] as const)("%s after %i tokens, d and dv %o", (name, prompt, widths) => {
  /** The dispatches beside the cache. */
  const attending = prompt > 256 ? 2 : 1;
  const fast = () => attention(mechanisms[name](), backend, { causal: true, kernels: "require" });
  const slow = () => attention(mechanisms[name](), backend, { causal: true, kernels: "never" });

  test("a step appends by one dispatch, with and without a key mask of its own", async () => {
    const used = meter(host.device);
    let state: State<Tensor> = (await fast()(tokens(0, prompt, widths))).state;
    let expected = state;
    for (const [i, present] of [undefined, [1, 0], [0, 1], undefined, [0, 0]].entries()) {
      const absent = present?.flatMap((x, b) => (x === 0 ? [b] : []));
      const block: Block<Tensor> = {
        ...tokens(prompt + i, 1, widths, absent),
        ...(present && { keyMask: backend.upload(Uint8Array.from(present), [B, 1]) }),
      };
      await Promise.all(Object.values(block).map((x) => backend.download(x as Tensor)));
      used.reset();
      const next = await fast()({ ...block, state });
      await backend.download(next.y);
      expect([i, used.dispatches, used.submits]).toEqual([i, attending + 1, 1]);
      const right = await slow()({ ...block, state: expected });
      await close(next.y, right.y, 1e-4);
      expect(Object.keys(next.state)).toEqual(Object.keys(right.state));
      for (const [entry, x] of Object.entries(next.state)) await close(x, right.state[entry]!, 0);
      [state, expected] = [next.state, right.state];
    }
  });

  test("two steps from one state see their own tokens", async () => {
    const { state } = await fast()(tokens(0, prompt, widths));
    const before = await backend.download(state.k!);
    const ends = [tokens(prompt, 1, widths), tokens(prompt + 9, 1, widths)];
    const states = [];
    for (const end of ends) states.push((await fast()({ ...end, state })).state);
    for (const [i, end] of ends.entries())
      await close(states[i]!.k!, backend.ops.concat([state.k!, end.k], 2) as Tensor, 0);
    expect(await backend.download(state.k!)).toEqual(before);
  });
});

test("a prompt with a key mask is zeroed by one dispatch", async () => {
  const used = meter(host.device);
  const keyMask = backend.upload(
    Uint8Array.from({ length: B * 5 }, (_, i) => +(i % 3 > 0)),
    [B, 5],
  );
  const block = { ...tokens(0, 5, [7, 6]), keyMask };
  used.reset();
  const { state } = await attention(softmax(), backend, { kernels: "require" })(block);
  expect(used.dispatches).toBe(2);
  const right = (await attention(softmax(), backend, { kernels: "never" })(block)).state;
  for (const [entry, x] of Object.entries(state)) await close(x, right[entry]!, 0);
});
