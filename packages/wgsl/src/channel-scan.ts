import type { Block, Result, Shape, Tensors } from "@attnkit/core";
import { alignPositions, type Call, everyRowSeesAllKeys } from "@attnkit/core/program";
import { CHUNK, type ChannelCode, type ChannelScan, channelCode, THREADS } from "./channel-scan-code.ts";
import { type Dispatch, dispatch, grid } from "./dispatch.ts";
import { gpuFacts } from "./gpu-facts.ts";
import type { Host } from "./host.ts";

/**
 * Returns `y`, `lse` if asked for, and the state after the block if it is kept. It takes three dispatches for any number of
 * tokens, and for one token one, or two if the device binds fewer buffers than one kernel needs. Without a state, one chunk that continues nothing takes one dispatch and allocates its
 * outputs only; the last of several causal chunks is not summed.
 */
export function channelScan<T>(host: Host<T>, scan: ChannelScan, block: Block<T>, call: Call): Result<T> {
  const { dims, shapes, causal } = call;
  const { B, Hq, Hkv, L, S, d } = dims;
  const keeps = call.state !== false;
  const channels = B * Hkv * d;
  const numbers = scan.entries.reduce((n, [, size]) => n + size, 0);
  const whole = everyRowSeesAllKeys(L, S, causal);
  const at = alignPositions(L, S, causal);
  const chunks = Math.ceil((whole ? S : at.length) / CHUNK);
  const summed = whole || keeps ? chunks : chunks - 1;
  const queryChunks = Math.max(1, Math.ceil(L / CHUNK));
  const { q } = block;
  const keys: Tensors<T> = {
    ...{ k: block.k, v: block.v },
    ...(block.keyMask && { keyMask: block.keyMask }),
  };
  const past: Tensors<T> = Object.fromEntries(
    scan.entries.flatMap(([name]) => (block.state?.[name] ? [[`past_${name}`, block.state[name]]] : [])),
  );
  const continues = Object.keys(past).length > 0;
  const shapeOf = (n: number): Shape => [B, Hkv, n, d];
  const state = Object.fromEntries(keeps ? scan.entries.map(([name, n]) => [name, host.empty(shapeOf(n))]) : []);
  const next = Object.fromEntries(Object.entries(state).map(([name, t]) => [`next_${name}`, t]));
  const rows = { y: host.empty(shapes.q, host.results), ...(call.lse && { lse: host.empty(shapes.q) }) };
  const common: Pick<Dispatch<T>, "sizes" | "floats"> = {
    sizes: {
      L,
      S,
      d,
      channels,
      chunks,
      summed,
      heads: Hkv,
      groups: Hq / Hkv,
      atQ: at.q,
      atK: whole ? 0 : at.k,
      firstRead: whole ? summed : 0,
    },
    floats: { clip: scan.clip, none: Number.NEGATIVE_INFINITY },
  };
  const code = channelCode(scan, {
    past: continues,
    keyMask: block.keyMask !== undefined,
    lse: call.lse,
    keeps,
  });
  const run = (name: keyof ChannelCode, threads: number, inputs: Tensors<T>, outputs: Tensors<T>) =>
    dispatch(host, {
      ...{ ...common, name: `${scan.name} ${name}`, code: code[name], inputs, outputs, vec4: ["fresh"] },
      workgroups: grid(host, Math.ceil(threads / THREADS)),
    });

  const fits = [{ q }, keys, past, next, rows].flatMap(Object.keys).length <= gpuFacts(host.device).buffers;
  if (L === 1 && S === 1 && fits) {
    run("decode", channels, { q, ...keys, ...past }, { ...next, ...rows });
  } else if (L === 1 && S === 1 && keeps) {
    const last = scan.entries.at(-1)![0];
    const { [`past_${last}`]: pastLast, ...pastRest } = past;
    const { [`next_${last}`]: nextLast, ...nextRest } = next;
    const fresh = host.empty([channels, 4], "float32");
    run("decodeState", channels, { ...keys, ...pastRest }, { ...nextRest, fresh });
    const read = { q, fresh, ...(pastLast && { [`past_${last}`]: pastLast }), ...nextRest };
    run("decodeRows", channels, read, { [`next_${last}`]: nextLast!, ...rows });
  } else if (chunks === 1 && !keeps && !continues) {
    run(whole ? "foldAndRead" : "rowsOfOneChunk", channels * (whole ? queryChunks : 1), { q, ...keys }, rows);
  } else if (chunks === 1 && whole) {
    const after = host.empty([numbers, channels], "float32");
    run("fold", channels, { ...keys, ...past }, { after });
    run("read", channels * queryChunks, { q, after }, { ...rows, ...next });
  } else {
    // Slot i holds the state before chunk i. The last slot holds the state after all chunks that are summed.
    const slots = host.empty([summed + 1, numbers, channels], "float32");
    const tops = host.empty([Math.max(summed, 1), channels], "float32");
    if (summed > 0) run("totals", channels * summed, keys, { slots, tops });
    run("scan", channels * numbers, { ...past, tops }, { slots, ...next });
    if (whole) run("readLast", channels * queryChunks, { q, slots }, rows);
    else run("rows", channels * chunks, { q, ...keys, slots }, rows);
  }
  return { ...rows, state };
}
