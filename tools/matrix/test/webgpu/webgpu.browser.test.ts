import { expect, test } from "vitest";

test("the browser project has a WebGPU adapter, and its device computes", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  expect(adapter, "no WebGPU adapter: the GPU tests would prove nothing").not.toBeNull();
  const { vendor, architecture, description } = adapter!.info;
  console.log("WebGPU adapter:", { vendor, architecture, description, features: [...adapter!.features] });

  const device = await adapter!.requestDevice();
  const code =
    "@group(0) @binding(0) var<storage, read_write> x: array<f32>;" +
    "@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) i: vec3u) { x[i.x] = f32(i.x) * 2.0; }";
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const x = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const out = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: x }] }),
  );
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, out, 0, 16);
  device.queue.submit([encoder.finish()]);
  await out.mapAsync(GPUMapMode.READ);
  expect([...new Float32Array(out.getMappedRange())]).toEqual([0, 2, 4, 6]);
  device.destroy();
});
