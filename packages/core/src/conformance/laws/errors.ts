import type { Block, Tensors } from "../../program/block.ts";
import type { ErrorCode } from "../../program/errors.ts";
import { host } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";

/** Shapes of a call that breaks a rule, from shapes of one that keeps them all. */
interface Bad {
  readonly title: string;
  readonly code: ErrorCode;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const GOOD = { q: [2, 4, 5, 3], k: [2, 2, 5, 3], v: [2, 2, 5, 3] };

const bad: readonly Bad[] = [
  { title: "q and k differ in channels", code: "ATTN_SHAPE", shapes: { ...GOOD, k: [2, 2, 5, 4] } },
  { title: "k and v differ in tokens", code: "ATTN_SHAPE", shapes: { ...GOOD, v: [2, 2, 6, 3] } },
  { title: "k and v differ in heads", code: "ATTN_SHAPE", shapes: { ...GOOD, v: [2, 4, 5, 3] } },
  { title: "query heads are no multiple", code: "ATTN_SHAPE", shapes: { ...GOOD, q: [2, 3, 5, 3] } },
  { title: "fewer query than key heads", code: "ATTN_SHAPE", shapes: { ...GOOD, q: [2, 1, 5, 3] } },
  { title: "batches differ", code: "ATTN_SHAPE", shapes: { ...GOOD, q: [3, 4, 5, 3] } },
  { title: "batches differ, one is 1", code: "ATTN_SHAPE", shapes: { ...GOOD, k: [1, 2, 5, 3], v: [1, 2, 5, 3] } },
  { title: "ranks differ", code: "ATTN_SHAPE", shapes: { ...GOOD, q: [5, 3] } },
  { title: "rank 1", code: "ATTN_SHAPE", shapes: { q: [3], k: [3], v: [3] } },
  { title: "rank 5", code: "ATTN_SHAPE", shapes: { q: [1, 2, 4, 5, 3], k: [1, 2, 2, 5, 3], v: [1, 2, 2, 5, 3] } },
  { title: "keyMask has another batch", code: "ATTN_SHAPE", shapes: { ...GOOD, keyMask: [3, 5] } },
  { title: "keyMask has another length", code: "ATTN_SHAPE", shapes: { ...GOOD, keyMask: [2, 4] } },
  { title: "keyMask has rank 3", code: "ATTN_SHAPE", shapes: { ...GOOD, keyMask: [1, 2, 5] } },
];

const badMasks = (name: "mask" | "bias"): Bad[] =>
  [
    [5, 4],
    [3, 1, 5, 5],
    [2, 3, 5, 5],
    [1, 2, 4, 5, 5],
  ].map((shape) => ({
    title: `${name} of shape [${shape}]`,
    code: "ATTN_SHAPE",
    shapes: { ...GOOD, [name]: shape },
  }));

function tensors(lab: Lab, shapes: Bad["shapes"]): Block<unknown> {
  const made = Object.entries(shapes).map(([name, shape]) => {
    const x = host(shape, () => 1);
    return [name, lab.upload(/mask/i.test(name) ? { shape, data: Uint8Array.from(x.data) } : x)];
  });
  return Object.fromEntries(made) as unknown as Block<unknown>;
}

/** The message names who refuses, and the shapes got and expected. */
export function explains(lab: Lab, message: string, shapes: readonly (readonly number[])[]): void {
  lab.holds(message.includes(lab.mechanism.name), `the message does not name the mechanism: ${message}`);
  lab.holds(
    /\bgot\b/.test(message) && /\bexpected\b/.test(message),
    `the message has no "got" and "expected": ${message}`,
  );
  const bare = message.replaceAll(" ", "");
  for (const s of shapes) lab.holds(bare.includes(`[${s}]`), `the message does not show the shape [${s}]: ${message}`);
}

export const errorsLaw: Law = {
  name: "errors",
  rules: "S14",
  says: "a bad block is refused at the door by a typed error that names the mechanism and the shapes",
  cases: ({ mechanism: { takes, state: entries } }) => {
    const dims = { B: 2, Hq: 4, Hkv: 2, L: 5, S: 5, d: 3, dv: 3 };
    const remembers = Object.keys(entries(dims)).length > 0;
    const withState: readonly (readonly [string, (lab: Lab, good: Tensors<unknown>) => Tensors<unknown>])[] = [
      [
        "an entry missing",
        (_, good) =>
          Object.fromEntries(
            Object.entries(good)
              .slice(1)
              .concat([["other", Object.values(good)[0]!]]),
          ),
      ],
      ["an entry too many", (lab, good) => ({ ...good, other: lab.upload(host([1])) })],
      ["another rank", (lab, good) => ({ ...good, [Object.keys(good)[0]!]: lab.upload(host([2, 2])) })],
    ];
    return [
      ...[
        ...bad,
        ...(takes.mask === true ? badMasks("mask") : []),
        ...(takes.bias === true ? badMasks("bias") : []),
      ].map(
        ({ title, code, shapes }): Case<Lab> => ({
          title,
          async run(lab) {
            const attend = lab.attention();
            const message = await lab.refuses(title, code, () => attend(tensors(lab, shapes)));
            explains(lab, message, Object.values(shapes));
            if (lab.backend.ops) await lab.refuses(`${title}, sync`, code, () => attend.sync(tensors(lab, shapes)));
          },
        }),
      ),
      ...(remembers ? withState : []).map(
        ([title, change]): Case<Lab> => ({
          title: `state with ${title}`,
          async run(lab) {
            const attend = lab.attention();
            const good = lab.draw({ Hq: 4, Hkv: 2, d: 3, dv: 3 });
            const { state } = await lab.run(attend, good);
            const wrong = change(lab, state);
            const refusals = [
              await lab.refuses(title, "ATTN_STATE", () => attend(lab.block(good, wrong))),
              await lab.refuses(`merge, ${title}`, "ATTN_STATE", () => attend.merge(state, wrong)),
            ];
            for (const message of refusals) explains(lab, message, []);
          },
        }),
      ),
      {
        title: "state of other sizes",
        async run(lab) {
          const attend = lab.attention();
          const { state } = await lab.run(attend, lab.draw({ B: 2, d: 4, dv: 4 }));
          if (Object.keys(state).length === 0) return;
          for (const sizes of [
            { B: 3, d: 4, dv: 4 },
            { B: 2, d: 5, dv: 5 },
            { B: 2, Hq: 2, Hkv: 2, d: 4, dv: 4 },
          ]) {
            const message = await lab.refuses("state of other sizes", "ATTN_STATE", () =>
              attend(lab.block(lab.draw(sizes), state)),
            );
            explains(lab, message, []);
          }
        },
      },
      {
        title: "an unknown causal mode",
        async run(lab) {
          await lab.refuses("causal: 1", "ATTN_OPTION", () => lab.attention({ causal: 1 as unknown as boolean }));
        },
      },
    ];
  },
};

export const unsupportedLaw: Law = {
  name: "unsupported",
  rules: "S15",
  says: "what a mechanism declares that it lacks is refused, never ignored",
  cases: ({ mechanism: { takes } }) => {
    const cases: Case<Lab>[] = (["mask", "bias"] as const)
      .filter((name) => takes[name] !== true)
      .map((name) => ({
        title: name,
        async run(lab) {
          const block = tensors(lab, { ...GOOD, [name]: [5, 5] });
          const message = await lab.refuses(name, "ATTN_UNSUPPORTED", () => lab.attention()(block));
          lab.holds(message.includes(String(takes[name])), `the message does not give the reason: ${message}`);
        },
      }));
    if (takes.lse === true) return cases;
    cases.push({
      title: "lse and mergeOutputs",
      async run(lab) {
        await lab.refuses("lse: true", "ATTN_UNSUPPORTED", () => lab.attention({ lse: true })(tensors(lab, GOOD)));
        const y = lab.upload(host(GOOD.q));
        const output = { y, lse: lab.upload(host([2, 4, 5])) };
        await lab.refuses("mergeOutputs", "ATTN_UNSUPPORTED", () => lab.attention().mergeOutputs(output, output));
      },
    });
    return cases;
  },
};
