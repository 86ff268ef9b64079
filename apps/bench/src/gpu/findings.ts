import { ratioInterval, ratioOfMedians, readable } from "@attnkit/measure/bootstrap";
import * as f from "@attnkit/measure/format";
import type { Finding, RecordCell, RecordGroup } from "../record.ts";

/** Ratios of attnkit's cells that a record promises, by kind: "at least". Only `webgpu` promises. */
const PROMISED: Readonly<Record<string, number>> = {
  "matmul prefill": 0.3,
  "operator prefill": 1,
  "composition prefill": 3,
  "copy decode": 0.6,
  "half decode": 1.6,
  "softmax linear-time": 10,
};

/** Returns what each group shows. On a software adapter, times mean nothing, and every ratio is null. */
export function findings(groups: readonly RecordGroup[], software: (column: string) => boolean): Finding[] {
  return groups.flatMap((group) => {
    const timed = group.cells.filter((c) => c.status === "ok" && c.samples.length > 0);
    return timed.filter((c) => c.role === "attnkit").flatMap((cell) => of(group, cell, timed, software));
  });
}

type Kind = Finding["kind"];

function of(
  group: RecordGroup,
  cell: RecordCell,
  timed: readonly RecordCell[],
  software: (column: string) => boolean,
): Finding[] {
  const isSoftmax = cell.name === "softmax";
  const role = (wanted: RecordCell["role"], same = (_: RecordCell) => true) =>
    fastest(timed.filter((c) => c.role === wanted && same(c)));
  const half =
    cell.dtype === "float16" &&
    timed.find(
      (c) => c.role === "attnkit" && c.name === cell.name && c.column === cell.column && c.dtype === "float32",
    );
  const softmax =
    !isSoftmax &&
    timed.find(
      (c) => c.role === "attnkit" && c.name === "softmax" && c.column === cell.column && c.dtype === cell.dtype,
    );
  const composition = role("composition", (c) =>
    isSoftmax ? c.name.startsWith("matMul") : c.name.startsWith(cell.name),
  );
  const found: (readonly [Kind, RecordCell | false | undefined])[] = [
    ["matmul", isSoftmax && role("matmul", (c) => c.dtype === cell.dtype)],
    ["operator", isSoftmax && role("operator")],
    ["composition", composition],
    ["copy", cell.bytes !== null && role("copy", (c) => c.dtype === cell.dtype)],
    ["half", half],
    ["softmax", softmax],
  ];
  return found.flatMap(([kind, against]) =>
    against ? [finding(group, kind, cell, against, software(cell.column) || software(against.column))] : [],
  );
}

/** The fastest of several, so that a ratio is not flattered by a slow one. */
const fastest = (cells: readonly RecordCell[]): RecordCell | undefined =>
  cells.toSorted((a, b) => a.median - b.median)[0];

function finding(group: RecordGroup, kind: Kind, cell: RecordCell, against: RecordCell, software: boolean): Finding {
  const rounds = Math.min(cell.samples.length, against.samples.length);
  const pairs = [{ own: against.samples.slice(0, rounds), other: cell.samples.slice(0, rounds) }];
  const factor = workRatio(kind, cell, against);
  const value = factor * ratioOfMedians(pairs);
  const bounds = ratioInterval(pairs);
  const scaled = { low: factor * bounds.low, high: factor * bounds.high };
  const ratio = software ? null : { value, ...scaled, readable: readable(value, scaled, rounds) };
  const promised = cell.column === "webgpu" ? (PROMISED[`${kind} ${group.what}`] ?? null) : null;
  const says = `${group.name}: ${sentence(kind, cell, against, ratio)}${kept(kind, ratio, promised)}.`;
  return { group: group.name, kind, cell: cell.id, against: against.id, ratio, promised, says };
}

/** The work of the cell over that of the other: a ratio of rates needs both. */
function workRatio(kind: Kind, cell: RecordCell, against: RecordCell): number {
  if (kind === "matmul") return cell.flops! / against.flops!;
  return kind === "copy" ? cell.bytes! / against.bytes! : 1;
}

function sentence(kind: Kind, cell: RecordCell, against: RecordCell, ratio: Finding["ratio"]): string {
  if (ratio === null) return `${cell.id} and ${against.id} gave right answers; a software adapter has no ratio`;
  const value = f.interval(kind === "matmul" || kind === "copy" ? f.percent : f.digits, ratio.value, ratio);
  const noisy = ratio.readable ? "" : ", noisy";
  if (kind === "matmul")
    return `${cell.id} makes ${f.gflops(cell.flops!, cell.median)} GFLOP/s, ${value} of those of the fastest plain product, ${against.id}, with ${f.gflops(against.flops!, against.median)}${noisy}`;
  if (kind === "copy")
    return `${cell.id} reads ${rate(cell)} of keys and values, ${value} of the ${rate(against)} of a copy of the same bytes${noisy}; the copy also writes them, so that its memory traffic is twice that`;
  const than = kind === "half" ? "in float32" : kind === "softmax" ? "softmax on the same backend" : against.id;
  return `${cell.id} takes ${f.time(cell.median)}, ${than} ${f.time(against.median)}: a factor ${value}${noisy}`;
}

const rate = ({ bytes, median }: RecordCell): string => `${f.bytes(bytes! / median)}/s`;

/** Says whether the promise is kept, where there is one and the number can be read. */
function kept(kind: Kind, ratio: Finding["ratio"], promised: number | null): string {
  if (promised === null || ratio === null) return "";
  const least = kind === "matmul" || kind === "copy" ? f.percent(promised) : f.digits(promised);
  return ` (promised: at least ${least}; ${ratio.readable ? (ratio.value >= promised ? "kept" : "missed") : "not decided"})`;
}
