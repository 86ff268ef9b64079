import { type ChannelFacts, EMPTY, type Entry } from "./channel-scan-parts.ts";

/** The number of chunks whose totals a thread reads at once, to wait for memory once. */
const AHEAD = 8;

/**
 * Replaces the totals of chunk i, in slot i + 1, by the state before chunk i + 1. A thread computes one number of the state of
 * a channel, by the largest exponents of the chunks, `tops [chunks, channels]`. Slots before `p.firstRead` are not needed.
 */
export function carryCode(
  layout: readonly Entry[],
  numbers: number,
  thread: string,
  { past, keeps }: Pick<ChannelFacts, "past" | "keeps">,
): string {
  const own = "select(sum, top, number == 0u)";
  const rest = (line: (e: Entry, at: string) => string) =>
    layout.map((e) => `${within(e)} { ${line(e, inEntry(e))} }`).join("\n      ");
  return `${thread}
      let number = chunk;
      if (number >= ${numbers}u) { return; }
      var top = ${past ? `past_${layout[0]!.name}_at(head * p.d + c)` : EMPTY};
      var sum = 0.0;
      ${past ? rest((e, at) => `sum = past_${e.name}_at(${at});`) : ""}
      let step = ${numbers}u * p.channels;
      let at = number * p.channels + channel;
      for (var i = 0u; i < p.summed; i += ${AHEAD}u) {
        ${ahead((n) => `let chunk${n} = min(i + ${n}u, p.summed - 1u);`)}
        ${ahead((n) => `let top${n} = tops_at(chunk${n} * p.channels + channel);`)}
        ${ahead((n) => `let total${n} = slots_at((chunk${n} + 1u) * step + at);`)}
        ${ahead(
          (n) => `if (i + ${n}u < p.summed) {
          if (i + ${n}u >= p.firstRead) { slots_put(chunk${n} * step + at, ${own}); }
          let next = max(top, top${n});
          sum = sum * exp(top - next) + total${n} * exp(top${n} - next);
          top = next;
        }`,
        )}
      }
      slots_put(p.summed * step + at, ${own});
      ${keeps ? rest((e, at) => `next_${e.name}_put(${at}, ${own});`) : ""}
    }`;
}

const within = ({ from, xs }: Entry) => `if (number >= ${from}u && number < ${from + xs.length}u)`;
const inEntry = ({ from, xs }: Entry) => `(head * ${xs.length}u + number - ${from}u) * p.d + c`;
const ahead = (line: (n: number) => string) => Array.from({ length: AHEAD }, (_, n) => line(n)).join("\n        ");
