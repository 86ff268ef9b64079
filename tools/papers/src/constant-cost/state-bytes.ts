import type { State } from "@attnkit/core";
import type { NdArray } from "@attnkit/cpu";
import type { Claim, Verdict } from "../experiment.ts";
import type { Table } from "../table.ts";
import { contenders } from "./contenders.ts";
import { columnAt, contextsIn, contextsOf } from "./contexts.ts";
import { againstContext } from "./curves.ts";
import { paper } from "./paper.ts";
import { type Stream, stream, WIDTH } from "./stream.ts";

const BYTES = "bytes";

export const stateBytes: Claim = {
  name: "state-bytes",
  sentence:
    "Log-sum-exp attention has a latent space of constant size, which enables application with constant space complexity per token.",
  paper,
  where: "Abstract; Section 1, equations 4 to 6",
  rule:
    "The bytes of the tensors of the state after one more token are counted. Supported if those of log-sum-exp attention are the same " +
    "at every context and those of softmax are not; otherwise not supported.",
  deviations: [
    `One head of ${WIDTH} channels in float32. The state is m, z and s with d (dv + 2) numbers; the paper's has d (dv + 1).`,
    "A cache of keys and values is uploaded, after the shortest one was compared with a prefill.",
  ],
  cells: () => Object.keys(contenders).map((mechanism) => ({ mechanism })),
  async measure({ mechanism }, { seed, size }) {
    const s = stream(contenders[String(mechanism)]!, seed);
    const contexts = contextsOf(String(mechanism), size);
    const states = await s.states(contexts);
    const bytes = contexts.map((context, i) => {
      return [columnAt(BYTES, context), bytesAfter(s, context, states[i]!)] as const;
    });
    return Object.fromEntries(bytes);
  },
  judge,
  figures: (table) => [
    {
      name: "state-bytes",
      caption: "Bytes of the state against the context: a cache of keys and values grows, sums over keys do not.",
      panels: [againstContext(table, BYTES, "state (bytes)")],
    },
  ],
};

/** The bytes of the state after one more token. */
export function bytesAfter(s: Stream, context: number, state: State<NdArray>): number {
  return Object.values(s.step(context, state).state).reduce((sum, { data }) => sum + data.byteLength, 0);
}

function judge(table: Table): Verdict {
  const sizes = (mechanism: string) => {
    const rows = table.where({ mechanism });
    return contextsIn(rows, BYTES).flatMap((context) => [...new Set(rows.values(columnAt(BYTES, context)))]);
  };
  const [constant, softmax] = [sizes("logsumexp"), sizes("softmax")];
  const ends = (name: string) => {
    const all = sizes(name);
    const [first, last] = [all[0]!.toLocaleString("en"), all.at(-1)!.toLocaleString("en")];
    return first === last ? `${name} ${first}` : `${name} ${first} to ${last}`;
  };
  const contexts = contextsIn(table.where({ mechanism: "logsumexp" }), BYTES);
  return {
    ruling: new Set(constant).size === 1 && new Set(softmax).size > 1 ? "supported" : "not supported",
    measured:
      `Bytes of the state for contexts of ${contexts[0]!.toLocaleString("en")} to ${contexts.at(-1)!.toLocaleString("en")} tokens, ` +
      `the same for every seed: ${table.distinct<string>("mechanism").map(ends).join("; ")}.`,
  };
}
