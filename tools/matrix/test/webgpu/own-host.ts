import { AttentionError, type Backend, type Data, type Shape } from "@attnkit/core";
import { broadcastShape, concatShape, elementCount, hostData, type NestedValues } from "@attnkit/core/backend";
import { type Binding, dispatch, grid, type Host, type Storage, WEBGPU, type WebgpuBackend } from "@attnkit/wgsl";

/** A tensor of the smallest library that there can be: a range of a buffer and a shape. */
export interface Own {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly shape: Shape;
  readonly storage: Storage;
}

/** `GPUBufferUsage`, a global that Node lacks. */
const USAGE = { mapRead: 0x01, copySource: 0x04, copyTarget: 0x08, uniform: 0x40, storage: 0x80 };
const STORAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
/** The default limit of `minStorageBufferOffsetAlignment`. */
const ALIGNED = 256;

const bytesOf = (shape: Shape): number => Math.max(4, 4 * elementCount(shape));

export type OwnHost = Host<Own> & {
  readonly live: number;
  submit(): void;
  /** Encodes a copy of bytes. */
  copy(from: Binding, to: Binding): void;
};

/** The host of such tensors. Each starts in the middle of a buffer that is full of NaN. */
export function ownHost(device: GPUDevice): OwnHost {
  const nan = (size: number) => new Float32Array(size / 4).fill(Number.NaN);
  let encoder: GPUCommandEncoder | undefined;
  /** Tensors that a scope made. They are destroyed after the next submit, and none else. */
  let made: Set<Own> | undefined;
  let doomed: GPUBuffer[] = [];
  let live = 0;
  const buffer = (size: number, usage: number) => {
    live += 1;
    return device.createBuffer({ size, usage });
  };
  const host: OwnHost = {
    device,
    get live() {
      return live;
    },
    ops: {
      shape: (x) => x.shape,
      reshape: (x, shape) => ({ ...x, shape: shape.map(Number) }),
      constant(data, shape) {
        const x = host.empty(shape);
        device.queue.writeBuffer(x.buffer, x.offset, Float32Array.from(data));
        return x;
      },
      slice: (x, axis, start, end) => part(host, x, axis, start, end),
      concat: (xs, axis) => joined(host, xs, axis),
      where: (mask, a, b) => chosen(host, mask, a, b),
    },
    shape: (x) => x.shape,
    storage: (x) => x.storage,
    binding: ({ buffer, offset, shape }) => ({ buffer, offset, size: bytesOf(shape) }),
    empty(shape, storage = "float32") {
      const size = 2 * ALIGNED + bytesOf(shape);
      const x: Own = { buffer: buffer(size, STORAGE), offset: ALIGNED, shape, storage };
      device.queue.writeBuffer(x.buffer, 0, nan(size));
      made?.add(x);
      return x;
    },
    uniform(data) {
      const own = buffer(data.byteLength, USAGE.uniform | USAGE.copyTarget);
      device.queue.writeBuffer(own, 0, data);
      doomed.push(own);
      return { buffer: own, offset: 0, size: data.byteLength };
    },
    encode({ label, pipeline, bindGroup, workgroups: [x, y, z] }) {
      encoder ??= device.createCommandEncoder();
      const pass = encoder.beginComputePass({ label });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(x, y, z);
      pass.end();
    },
    scope(make) {
      const outer = made;
      const own = new Set<Own>();
      const kept = new Set<GPUBuffer>();
      made = own;
      try {
        const results = make();
        for (const { buffer } of Object.values(results)) kept.add(buffer);
        return results;
      } finally {
        made = outer;
        for (const x of own) {
          if (kept.has(x.buffer)) outer?.add(x);
          else doomed.push(x.buffer);
        }
      }
    },
    copy(from, to) {
      encoder ??= device.createCommandEncoder();
      encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, from.size);
    },
    submit() {
      if (encoder) device.queue.submit([encoder.finish()]);
      encoder = undefined;
      for (const buffer of doomed) buffer.destroy();
      live -= doomed.length;
      doomed = [];
    },
  };
  return host;
}

/** A backend without operations: it runs what has a kernel, and nothing else. */
export function ownBackend(host: OwnHost): Backend<Own, "float32"> & WebgpuBackend<Own> {
  const { device } = host;
  const never = (): never => {
    throw new AttentionError("ATTN_UNSUPPORTED", "own", "this backend runs kernels alone");
  };
  return {
    ...{ name: "own", kind: "own", hosts: [WEBGPU], device: "a GPUDevice", dtype: "float32" },
    webgpuHost: () => host,
    supports: { gradients: false },
    upload(given: Data | NestedValues, givenShape?: Shape) {
      const { data, shape } = hostData("own", given, givenShape);
      const boolean = !(data instanceof Float32Array || data instanceof Float64Array);
      const x = host.empty(shape, boolean ? "boolean" : "float32");
      device.queue.writeBuffer(x.buffer, x.offset, boolean ? Int32Array.from(data) : Float32Array.from(data));
      return x;
    },
    async download({ buffer, offset, shape }) {
      host.submit();
      const size = bytesOf(shape);
      const copy = device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, copy, 0, size);
      device.queue.submit([encoder.finish()]);
      await copy.mapAsync(1); // GPUMapMode.READ
      const data = new Float32Array(copy.getMappedRange().slice(0));
      copy.destroy();
      return data.subarray(0, elementCount(shape));
    },
    shape: (x) => x.shape,
    boolean: (x) => x.storage === "boolean",
    free: (x) => x.buffer.destroy(),
    compile: never,
    vjp: never,
  };
}

/** Sizes around an axis: how many rows are outside it, and how many numbers one step along it spans. */
const around = (shape: Shape, axis: number) => ({
  outer: elementCount(shape.slice(0, axis)),
  inner: elementCount(shape.slice(axis + 1)),
});

const each = (body: string) => `@compute @workgroup_size(64)
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i >= p.n) { return; }
    ${body}
  }`;

function part(host: Host<Own>, x: Own, axis: number, start: number, end: number): Own {
  const { inner } = around(x.shape, axis);
  const y = host.empty(x.shape.with(axis, end - start));
  const n = elementCount(y.shape);
  const code = each("y[i] = x[i / p.step * p.wide + p.start + i % p.step];");
  const sizes = { n, step: (end - start) * inner, wide: x.shape[axis]! * inner, start: start * inner };
  dispatch(host, {
    ...{ name: "slice", code, inputs: { x }, outputs: { y }, sizes },
    workgroups: grid(host, Math.ceil(n / 64)),
  });
  return y;
}

function joined(host: Host<Own>, xs: readonly Own[], axis: number): Own {
  const shape = concatShape(
    xs.map((x) => x.shape),
    axis,
  );
  const { inner } = around(shape, axis);
  const y = host.empty(shape);
  let start = 0;
  for (const x of xs) {
    const n = elementCount(x.shape);
    const code = each("y[i / p.step * p.wide + p.start + i % p.step] = x[i];");
    const sizes = { n, step: x.shape[axis]! * inner, wide: shape[axis]! * inner, start };
    dispatch(host, {
      ...{ name: "concat", code, inputs: { x }, outputs: { y }, sizes },
      workgroups: grid(host, Math.ceil(n / 64)),
    });
    start += sizes.step;
  }
  return y;
}

/** Tensors of rank 4 at most, broadcast as NumPy does. */
function chosen(host: Host<Own>, mask: Own, a: Own | number, b: Own | number): Own {
  const given = Object.entries({ mask, a, b }).filter((e): e is [string, Own] => typeof e[1] !== "number");
  const shape = broadcastShape("where", ...given.map(([, x]) => x.shape));
  const y = host.empty(shape);
  const wide = [...Array<number>(4 - shape.length).fill(1), ...shape];
  const at = (name: string) =>
    `${name}[${wide.map((_, axis) => `i / p.y${axis} % p.n${axis} * p.${name}${axis}`).join(" + ")}]`;
  const strides = (name: string, own: Shape) => {
    const lifted = [...Array<number>(4 - own.length).fill(1), ...own];
    return lifted.map((size, axis) => [name + axis, size === 1 ? 0 : around(lifted, axis).inner] as const);
  };
  const value = (name: string, x: Own | number) => (typeof x === "number" ? `f32(${x})` : `f32(${at(name)})`);
  const n = elementCount(shape);
  dispatch(host, {
    ...{ name: "where", inputs: Object.fromEntries(given), outputs: { y }, workgroups: grid(host, Math.ceil(n / 64)) },
    code: each(
      `y[i] = select(${value("b", b)}, ${value("a", a)}, ${at("mask")} != ${mask.storage === "boolean" ? "0" : "0.0"});`,
    ),
    sizes: {
      n,
      ...Object.fromEntries(wide.map((size, axis) => [`n${axis}`, size])),
      ...Object.fromEntries(wide.map((_, axis) => [`y${axis}`, around(wide, axis).inner])),
      ...Object.fromEntries(given.flatMap(([name, x]) => strides(name, x.shape))),
    },
  });
  return y;
}
