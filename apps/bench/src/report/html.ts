import * as f from "@attnkit/measure/format";
import type { CellResult, Results } from "../results.ts";
import { gpuRows, type Rows, ratioRows, throughputRows, warnings } from "./compare.ts";
import { MEMORY, memoryFit, memoryOf, threadsOf } from "./memory.ts";
import { decodePlot, memoryPlot, prefillPlot, statePlot, styleOf } from "./plots.ts";
import { STYLE } from "./style.ts";

/** The whole report as one page: no script, no font, no image and no address is loaded from anywhere. */
export function html(results: Results): string {
  const { environment: e, options: o, input, plan } = results;
  const cells = results.cells.filter((c) => c.status === "ok");
  const [B, Hq, , d] = input.shapes.q!;
  const facts: [string, string][] = [
    ["machine", `${e.cpu}, ${e.cores} cores, ${f.bytes(e.memory)}, ${e.platform} ${e.arch}`],
    [
      "software",
      `Node ${e.node}, V8 ${e.v8}, commit ${e.commit?.slice(0, 12) ?? "unknown"}${e.commit?.endsWith("+changes") ? " with changes" : ""}`,
    ],
    ...threadsOf(results).map((line): [string, string] => ["threads", line]),
    [
      "input",
      `${input.source}: causal, B ${B}, ${Hq} query and ${input.shapes.k![1]} key heads, ${d} channels, seed ${o.seed}`,
    ],
    [
      "run",
      `${results.started} to ${results.finished}${results.complete ? "" : ", interrupted: what follows is a part"}`,
    ],
  ];
  const compared = (title: string, note: string, { head, rows }: Rows) =>
    rows.length === 0
      ? ""
      : `<h2>${title}</h2>\n${table(
          head.map(text),
          rows.map(([id = "", ...more]) => [named(cells, id), ...more.map(text)]),
        )}\n<p class="note">${note}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>attnkit bench ${text(results.started)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>attnkit bench</h1>
<dl>${facts.map(([k, v]) => `<dt>${k}</dt><dd>${text(v)}</dd>`).join("")}</dl>
${warnings(results)
  .map((line) => `<p><strong>${text(line)}</strong></p>`)
  .join("")}
${legend(cells)}
<div class="plots">
${figure("Prefill", "Time of one causal prefill against its length. Both axes logarithmic: a straight line of slope 1 is linear time. Bars span the quartiles.", prefillPlot(cells))}
${figure("Decode", "Time of one decoded token against the tokens already in the state. Flat is constant cost per token.", decodePlot(cells))}
${figure("State", "Size of the state that decoding carries along.", statePlot(cells))}
${figure("Peak memory", "How far one prefill raised the resident set of its process, against its length; lengths whose rise could be told from that of a few tokens.", memoryPlot(cells))}
<figure><h2>Growth</h2>${table(
    ["cell", "prefill time, tokens^", "decode time, context^", "peak memory, tokens^"],
    cells.map((c) => [swatch(cells, c), fit(c.growth.prefill), fit(c.growth.decode), memoryFit(c)]),
  )}
<figcaption>Least-squares exponents of the lower quartiles of the times, with their standard errors and the sizes they were fitted over. ${MEMORY}</figcaption></figure>
</div>
<h2>Answers</h2>
<p>Every timed output was compared with the float64 reference in this run; a cell that was wrong is not timed.</p>
${table(["cell", "answers", "worst error, of what is allowed", "rows checked", "device"], results.cells.map(answer))}
${results.unavailable.map((u) => `<p>${text(u.backend)} is not available here: ${text(u.reason)}</p>`).join("\n")}
<h2>Prefill</h2>
${table(
  ["cell", "tokens", "median", "IQR", "samples", "GFLOP", "GFLOP/s", "operations", "largest tensor", "peak memory"],
  cells.flatMap((c) =>
    c.prefill.map((p) => [
      swatch(cells, c),
      String(p.length),
      f.time(p.median),
      f.spread(p),
      String(p.samples.length),
      f.digits(p.cost.flops / 1e9),
      f.gflops(p.cost.flops, p.median),
      String(p.cost.ops),
      f.bytes(p.cost.largest * (c.dtype === "float64" ? 8 : 4)),
      memoryOf(c, p.length),
    ]),
  ),
)}
<p class="note">Work is counted on the mechanism's portable program. ${MEMORY}</p>
${compared("Beside", "Time of the cell over the time of what stands beside it: below 1 the cell is faster. Median of the quotients of each round, and their quartiles.", ratioRows(results))}
${compared("Throughput", "Operations that a causal prefill needs, over its median time; beside it a plain product of square matrices of the same arithmetic volume, on the same backend in the same run.", throughputRows(results))}
${compared("GPU", "Compute dispatches of one call, and the bytes of GPU buffers that are alive at its peak: its inputs, and all that it added with tfjs's pool of freed buffers empty before.", gpuRows(results))}
<h2>Decode</h2>
${table(
  ["cell", "context", "per token", "IQR", "samples", "GFLOP/s", "state"],
  cells.flatMap((c) =>
    c.decode.map((p) => [
      swatch(cells, c),
      String(p.context),
      f.time(p.median),
      f.spread(p),
      String(p.samples.length),
      f.gflops(p.cost.flops, p.median),
      f.bytes(p.stateBytes),
    ]),
  ),
)}
${
  plan?.leftOut.length
    ? `<h2>Left out</h2><p>What the time budget of ${o.budget} s, planned from pilot timings, or this machine had no room for.</p>${table(
        ["cell", "what", "size", "reason", "would take"],
        plan.leftOut.map((l) => [text(l.cell), l.what, String(l.size), text(l.reason), f.time(l.seconds)]),
      )}`
    : ""
}
</main>
</body>
</html>
`;
}

const text = (raw: string): string => raw.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const fit = (x: CellResult["growth"]["prefill"]): string => (x ? f.exponent(x) : "too few points");

function legend(cells: readonly CellResult[]): string {
  return `<ul class="legend">${cells.map((c) => `<li>${swatch(cells, c)}</li>`).join("")}</ul>`;
}

function named(cells: readonly CellResult[], id: string): string {
  const cell = cells.find((c) => c.id === id);
  return cell ? swatch(cells, cell) : text(id);
}

function swatch(cells: readonly CellResult[], c: CellResult): string {
  const { colour, dash } = styleOf(cells, c.id);
  const line = `<svg width="22" height="10" aria-hidden="true"><line x1="0" x2="22" y1="5" y2="5" stroke="${colour}" stroke-width="3" stroke-dasharray="${dash}"/></svg>`;
  return `<span class="cell">${line}${text(c.id)}</span>`;
}

function answer(c: CellResult): string[] {
  const verdict = {
    ok: "right",
    failed: `<strong>wrong</strong>: ${text(c.reason ?? "")}`,
    unsupported: `unsupported: ${text(c.reason ?? "")}`,
    unchecked: "not checked",
    refused: `refused: ${text(c.reason ?? "")}`,
  }[c.status];
  const worst = c.checks.reduce<number | null>(
    (w, x) => (w === null || x.used === null ? null : Math.max(w, x.used)),
    0,
  );
  return [
    text(c.id),
    verdict,
    c.checks.length ? f.percent(worst) : "",
    String(c.checks.reduce((n, x) => n + x.rows, 0)),
    text(c.device),
  ];
}

const figure = (title: string, caption: string, svg: string): string =>
  svg ? `<figure><h2>${title}</h2>${svg}<figcaption>${caption}</figcaption></figure>` : "";

/** Columns of numbers stand to the right, columns of words to the left. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "<p>Nothing was measured.</p>";
  const words = head.map((_, i) => rows.every((r) => !/^-?\d/.test(r[i]!)));
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((c, i) => `<${tag}${words[i] ? ' class="text"' : ""}>${c}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line(head, "th")}</thead><tbody>${rows.map((r) => line(r, "td")).join("\n")}</tbody></table></div>`;
}
