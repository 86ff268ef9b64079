import { escapeXml as text } from "@attnkit/measure/figure";
import * as f from "@attnkit/measure/format";
import type { Results } from "@attnkit/measure/results";
import { warnings } from "./compare.ts";
import { headline } from "./headline.ts";
import { threadsOf } from "./memory.ts";
import { notesOf } from "./notes.ts";
import { pageOf } from "./page.ts";
import { sectionsOf } from "./sections.ts";
import { STYLE } from "./style.ts";

/**
 * Returns the report as one HTML page. It loads no script, font, image or other address; its links save plots and tables
 * that the page itself contains.
 */
export function html(results: Results): string {
  const sections = sectionsOf(results);
  const facts = factsOf(results).map(([name, value]) => `<dt>${name}</dt><dd>${text(value)}</dd>`);
  return pageOf(
    `attnkit bench ${text(results.started)}`,
    STYLE,
    `<h1>attnkit bench</h1>
${warnings(results)
  .map((line) => `<p><strong>${text(line)}</strong></p>`)
  .join("")}
<ul class="headline">${headline(results)
      .map((line) => `<li>${text(line)}</li>`)
      .join("\n")}</ul>
<dl>${facts.join("")}</dl>
${sections}${notesOf(sections)}`,
  );
}

function factsOf(results: Results): [string, string][] {
  const { environment: e, options: o, input, started, finished, complete } = results;
  const [B, Hq, , d] = input.shapes.q!;
  const commit = `commit ${e.commit?.slice(0, 12) ?? "unknown"}${e.commit?.endsWith("+changes") ? " with changes" : ""}`;
  return [
    ["machine", `${e.cpu}, ${e.cores} cores, ${f.bytes(e.memory)}, ${e.platform} ${e.arch}`],
    ["software", `Node ${e.node}, V8 ${e.v8}, ${commit}`],
    ...threadsOf(results).map((line): [string, string] => ["threads", line]),
    [
      "input",
      `${input.source}: causal, B ${B}, ${Hq} query and ${input.shapes.k![1]} key heads, ${d} channels, seed ${o.seed}`,
    ],
    ["run", `${started} to ${finished}${complete ? "" : ", interrupted: the results are incomplete"}`],
  ];
}
