import { draw, type Figure, type Panel, type Series, stylesOf } from "@attnkit/measure/figure";
import type { Frontier, Row } from "./frontier.ts";

/** The costs of a row that are drawn, each with its axis. */
const COSTS: readonly { readonly label: (tokens: number) => string; readonly of: (row: Row) => number | undefined }[] =
  [
    { label: (tokens) => `prefill of ${tokens} tokens (s)`, of: ({ prefill }) => prefill?.median },
    { label: () => "decode, per token (s)", of: ({ decode }) => decode?.median },
    { label: (tokens) => `state after ${tokens} tokens (bytes)`, of: ({ stateBytes }) => stateBytes ?? undefined },
  ];

/** Draws distance to softmax against each cost, a row of plots per backend. Returns undefined if there is no point. */
export function svg(frontier: Frontier): string | undefined {
  const figure = figureOf(frontier);
  return figure.panels.length === 0 ? undefined : draw(figure, stylesOf([figure]));
}

export function figureOf({ rows, tokens, measured }: Frontier): Figure {
  const backends = [...new Set(rows.map((row) => row.backend))];
  const panels = backends.flatMap((backend) =>
    COSTS.flatMap((cost): Panel[] => {
      const here = rows.filter((row) => row.backend === backend);
      const series = here.flatMap((row) => {
        const x = cost.of(row);
        if (row.label === "softmax" || !row.accuracy || x === undefined) return [];
        return [{ name: row.label, points: [{ x, y: row.accuracy.distance }] }];
      });
      if (series.length === 0) return [];
      const softmax = here.find((row) => row.label === "softmax" && row.accuracy);
      const line = softmax && softmaxLine(cost.of(softmax), series);
      return [
        {
          title: backend,
          x: { label: cost.label(tokens), scale: "log" },
          y: { label: "distance to softmax", scale: "log" },
          series: line ? [line, ...series] : series,
        },
      ];
    }),
  );
  const caption = `Relative Frobenius distance of each mechanism's output to softmax's, against its cost: ${tokens} tokens of ${measured.input.source}. The line is the cost of softmax. The lower left is better.`;
  return { name: "frontier", caption, panels };
}

/**
 * Returns the cost of softmax as a vertical line over the distances of the others: its own distance is rounding errors
 * alone.
 */
function softmaxLine(x: number | undefined, others: readonly Series[]): Series | undefined {
  if (x === undefined) return undefined;
  const distances = others.flatMap(({ points }) => points.map(({ y }) => y));
  const [low, high] = [Math.min(...distances) / 1.5, Math.max(...distances) * 1.5];
  return { name: "softmax", points: [low, high].map((y) => ({ x, y })), theory: true };
}
