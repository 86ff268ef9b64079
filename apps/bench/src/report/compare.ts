import * as f from "@attnkit/measure/format";
import type { CellResult, GpuResult, Ratio, Results } from "@attnkit/measure/results";
import { shareOfMatmul } from "../measure/ratios.ts";

/** A table for Markdown and HTML. The first column names a cell. */
export interface Rows {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const SOFTWARE = "software adapter: correctness only";
/** The mark of a number that cannot be read. `RULE` says when. */
export const NOISY = "noisy";
const NOT_A_TIME = "n/a (software)";

/** Returns a line for every backend whose times say nothing about a GPU. */
export function warnings({ cells }: Results): string[] {
  const found = cells.flatMap(({ backend, adapter }) => (adapter?.software ? [`${backend}: ${adapter.name}`] : []));
  return [...new Set(found)].map((line) => `${line}. ${SOFTWARE[0]!.toUpperCase()}${SOFTWARE.slice(1)}`);
}

/** Returns one row per cell and size, and one column per baseline. */
export function ratioRows({ cells, ratios }: Results): Rows {
  const nameOf = (id: string) => {
    const cell = cells.find((c) => c.id === id);
    return cell?.baseline?.name ?? `attnkit's ${cell?.mechanism}`;
  };
  const columns = [...new Set(ratios.map((r) => nameOf(r.against)))];
  const groups = new Map<string, Ratio[]>();
  for (const r of ratios) {
    const key = JSON.stringify([r.cell, r.what, r.size]);
    groups.set(key, [...(groups.get(key) ?? []), r]);
  }
  const rows = [...groups.values()].map((group) => {
    const { cell, what, size } = group[0]!;
    const said = columns.map((name) => {
      const found = group.find((r) => nameOf(r.against) === name);
      return found ? say(found.ratio) : "";
    });
    return [cell, what, String(size), ...said];
  });
  return { head: ["cell", "of", "tokens", ...columns], rows };
}

/** Formats a ratio with its interval, and marks one that is too noisy to be read. */
export const say = (ratio: Ratio["ratio"]): string =>
  ratio ? `${f.interval(f.digits, ratio.value, ratio)}${ratio.readable ? "" : ` ${NOISY}`}` : NOT_A_TIME;

/** Returns the dispatches and GPU memory of calls. */
export function gpuRows({ cells, input }: Results): Rows {
  const [B = 0, Hq = 0] = input.shapes.q ?? [];
  const dv = input.shapes.v?.at(-1) ?? 0;
  const line = (c: CellResult, what: string, size: number, tokens: number, gpu: GpuResult) => {
    const peak = gpu.inputs + gpu.added;
    // A matrix product has other inputs than q, k and v.
    const least = c.mechanism === "" ? 0 : gpu.inputs + 4 * B * Hq * tokens * dv;
    return [
      ...[c.id, what, String(size), String(gpu.dispatches), f.bytes(least === 0 ? gpu.added : peak)],
      least === 0 ? "" : f.digits(peak / least),
    ];
  };
  const rows = cells.flatMap((c) => [
    ...c.prefill.flatMap((p) => (p.gpu ? [line(c, "prefill", p.length, p.length, p.gpu)] : [])),
    ...c.decode.flatMap((p) => (p.gpu ? [line(c, "decode", p.context, 1, p.gpu)] : [])),
  ]);
  return { head: ["cell", "of", "tokens", "dispatches", "peak bytes", "times inputs and output"], rows };
}

/**
 * Returns the operations that a causal prefill needs, per second, as a fraction of a plain matrix product's throughput.
 */
export function throughputRows({ cells }: Results): Rows {
  const beside = new Set(cells.filter((c) => c.baseline !== null && c.mechanism === "").map((c) => c.backend));
  const rows = cells
    .filter((c) => beside.has(c.backend) && c.status === "ok")
    .flatMap((c) =>
      c.prefill.map((p) => {
        const software = c.adapter?.software === true;
        const share = shareOfMatmul(cells, c, p);
        const yardstick = c.baseline !== null && c.mechanism === "";
        return [
          ...[c.id, String(p.length), f.digits(p.work / 1e9)],
          software ? NOT_A_TIME : f.gflops(p.work, p.median),
          software ? NOT_A_TIME : yardstick ? "the yardstick" : share === null ? "" : f.percent(share),
        ];
      }),
    );
  return { head: ["cell", "tokens", "needed GFLOP", "GFLOP/s", "of a plain matmul"], rows };
}
