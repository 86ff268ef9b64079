import { Remembered } from "@attnkit/core/backend";
import { carryCode } from "./channel-scan-carry.ts";
import { CHUNK, type ChannelFacts, type ChannelScan, type Entry, partsOf } from "./channel-scan-parts.ts";

export { CHUNK, type ChannelFacts, type ChannelScan, THREADS } from "./channel-scan-parts.ts";

/** The WGSL of each kernel of a scan. */
export type ChannelCode = Readonly<
  Record<
    | ("decode" | "decodeState" | "decodeRows" | "fold" | "read" | "foldAndRead")
    | ("totals" | "scan" | "readLast" | "rows" | "rowsOfOneChunk"),
    string
  >
>;

/** Texts of kernels by the facts that they depend on. They go with the scan that they were made for. */
const cache = new WeakMap<ChannelScan, Remembered<string, ChannelCode>>();

/**
 * Returns the WGSL of the kernels of a scan. `decode` takes one token. `decodeState` and `decodeRows` do the same in two
 * dispatches, because one kernel would need more buffers than every device can bind: the first writes all entries of the
 * state but the last, the second writes the last and answers. `fold` reads all keys of one chunk, `read` answers from what it wrote, and
 * `foldAndRead` does both without writing. `totals` reads the keys of each chunk, `scan` adds the totals up, and
 * `rows` or `readLast` answers. `rowsOfOneChunk` answers a single chunk that continues nothing.
 */
export function channelCode(scan: ChannelScan, facts: ChannelFacts): ChannelCode {
  const known = cache.get(scan) ?? new Remembered<string, ChannelCode>(16);
  cache.set(scan, known);
  return known.get(Object.values(facts).join(), () => generate(scan, facts));
}

function generate(scan: ChannelScan, facts: ChannelFacts): ChannelCode {
  const { past, keeps } = facts;
  const { layout, numbers, state, thread, token, answer, load, store, get, put } = partsOf(scan, facts);
  const [but, last] = [layout.slice(0, -1), layout.at(-1)!];
  const all = (entries: readonly Entry[], line: (e: Entry) => string) => entries.map(line).join(" ");
  const loadPast = past ? all(layout, get("past")) : "clear();";
  const storeNext = keeps ? all(layout, put) : "";
  const queries = `for (var i = chunk * ${CHUNK}u; i < min(chunk * ${CHUNK}u + ${CHUNK}u, p.L); i++) { give(head, c, i); }`;
  const rows = (start: string) => `${state}${token}${answer}${thread}
      if (chunk >= p.chunks) { return; }
      ${start}
      for (var at = chunk * ${CHUNK}u; at < (chunk + 1u) * ${CHUNK}u; at++) {
        if (at >= p.atK && at - p.atK < p.S) { take(head, c, at - p.atK); }
        if (at >= p.atQ && at - p.atQ < p.L) { give(head, c, at - p.atQ); }
      }
    }`;
  return {
    decode: `${state}${token}${answer}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      take(head, c, 0u);
      ${storeNext}
      give(head, c, 0u);
    }`,
    // The token as it enters the state: its key and value, the factor of the past, and its weight, -1 if it is absent.
    decodeState: `${state}${token}${thread}
      if (chunk > 0u) { return; }
      clear();
      ${past ? all(but, get("past")) : ""}
      let before = x[0];
      take(head, c, 0u);
      let key = limited(k_at(channel), -p.clip, p.clip);
      let weight = select(-1.0, exp(exponent(key) - x[0]), present(head, 0u));
      fresh_put4(channel, vec4f(key, v_at(channel), exp(before - x[0]), weight));
      ${all(but, put)}
    }`,
    decodeRows: `${state}${answer}${thread}
      if (chunk > 0u) { return; }
      let fresh = fresh_at4(channel);
      clear();
      ${past ? `${get("past")(last)} ${last.xs.map((x) => `${x} *= fresh.z;`).join(" ")}` : ""}
      if (!(fresh.w == -1.0)) { absorb(fresh.x, fresh.y, fresh.w); }
      ${put(last)}
      ${all(but, get("next"))}
      give(head, c, 0u);
    }`,
    fold: `${state}${token}${thread}
      if (chunk > 0u) { return; }
      ${loadPast}
      for (var j = 0u; j < p.S; j++) { take(head, c, j); }
      ${store("after", "0u")}
    }`,
    read: `${state}${answer}${thread}
      ${load("after", "0u")}
      ${keeps ? `if (chunk == 0u) { ${storeNext} }` : ""}
      ${queries}
    }`,
    foldAndRead: `${state}${token}${answer}${thread}
      clear();
      for (var j = 0u; j < p.S; j++) { take(head, c, j); }
      ${queries}
    }`,
    totals: `${state}${token}${thread}
      if (chunk >= p.summed) { return; }
      clear();
      // Positions of the common axis of queries and keys; key j stands at atK + j.
      let first = max(chunk * ${CHUNK}u, p.atK) - p.atK;
      let end = min(max((chunk + 1u) * ${CHUNK}u, p.atK) - p.atK, p.S);
      for (var j = first; j < end; j++) { take(head, c, j); }
      tops_put(chunk * p.channels + channel, x[0]);
      ${store("slots", "(chunk + 1u)", 1)}
    }`,
    scan: carryCode(layout, numbers, thread, facts),
    readLast: `${state}${answer}${thread}
      ${load("slots", "p.summed")}
      ${queries}
    }`,
    rows: rows(load("slots", "chunk")),
    rowsOfOneChunk: rows("clear();"),
  };
}
