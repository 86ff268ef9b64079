import * as f from "@attnkit/measure/format";
import type { CellResult, Results } from "@attnkit/measure/results";
import { gpuRows, type Rows, ratioRows, throughputRows, warnings } from "./compare.ts";
import { MEMORY, memoryFit, memoryOf, threadsOf } from "./memory.ts";
import { decodePlot, memoryPlot, prefillPlot, statePlot, styleOf } from "./plots.ts";
import { STYLE } from "./style.ts";

/** Returns the report as one HTML page. It loads no script, font, image or other address. */
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
      `${results.started} to ${results.finished}${results.complete ? "" : ", interrupted: the results are incomplete"}`,
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
${figure("State", "Size of the state that decoding carries from token to token.", statePlot(cells))}
${figure("Peak memory", "Increase of the process's resident set during one prefill, against its length. Only lengths with a clearly larger increase than a few tokens are shown.", memoryPlot(cells))}
<figure><h2>Growth</h2>${table(
    ["cell", "prefill time, tokens^", "decode time, context^", "peak memory, tokens^"],
    cells.map((c) => [swatch(cells, c), fit(c.growth.prefill), fit(c.growth.decode), memoryFit(c)]),
  )}
<figcaption>Least-squares exponents of the lower quartiles of the times, with their standard errors and the sizes they were fitted over. ${MEMORY}</figcaption></figure>
</div>
<h2>Answers</h2>
<p>Every timed output was compared with the float64 reference in this run. A cell with a wrong answer is not timed.</p>
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
${compared("Beside", "Time of the cell divided by the time of each column. Below 1, the cell is faster. Median and quartiles of the ratios per round.", ratioRows(results))}
${compared("Throughput", "Operations that a causal prefill needs, divided by its median time, and as a share of a plain matrix product. The product has the same number of operations, on the same backend in the same run.", throughputRows(results))}
${compared("GPU", "Compute dispatches of one call, and the peak bytes of live GPU buffers: its inputs and the buffers that it added. tfjs's pool of freed buffers was empty before.", gpuRows(results))}
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
    ? `<h2>Left out</h2><p>Measurements that did not fit into the time budget of ${o.budget} s or into the limits of this machine. Times were predicted from pilot timings.</p>${table(
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

/** Returns a table. Columns of numbers are aligned right, columns of words left. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "<p>Nothing was measured.</p>";
  const words = head.map((_, i) => rows.every((r) => !/^-?\d/.test(r[i]!)));
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((c, i) => `<${tag}${words[i] ? ' class="text"' : ""}>${c}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line(head, "th")}</thead><tbody>${rows.map((r) => line(r, "td")).join("\n")}</tbody></table></div>`;
}
