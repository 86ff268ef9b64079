import type { Kernel } from "../../backend/kernel.ts";
import { kernelsFor } from "../../backend/kernels-for.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";

export const syncLaw: Law = {
  name: "sync",
  rules: "S15",
  says: "where operations run at once the synchronous call gives what the asynchronous one gives; elsewhere it says so",
  cases: () =>
    [false, true].map(
      (causal): Case<Lab> => ({
        title: `causal ${causal}`,
        async run(lab) {
          const attend = lab.attention({ causal, kernels: "never" });
          const block = lab.draw({}, { keyMask: true });
          if (!lab.backend.ops) {
            await lab.refuses("sync", "ATTN_UNSUPPORTED", () => attend.sync(lab.block(block)));
            return;
          }
          const now = await lab.outcome(attend.sync(lab.block(block)));
          lab.agrees("", now, lab.oracle(block, causal));
          lab.same("y", now.y, (await lab.run(attend, block)).y);
        },
      }),
    ),
};

export const kernelsLaw: Law = {
  name: "kernels",
  rules: "S15",
  says: "under require a kernel runs or the call is refused with every reason; under never none runs; all agree, and with state: false none returns a state",
  cases: ({ mechanism }) => [
    ...([true, false] as const).flatMap((causal) =>
      [1, 16, 33].map(
        (L): Case<Lab> => ({
          title: `L = ${L}, causal ${causal}`,
          async run(lab) {
            const mine = kernelsFor(mechanism, lab.backend);
            const block = lab.draw({ Hq: 4, Hkv: 2, L, S: L });
            const expected = lab.oracle(block, causal);
            for (const kernels of ["never", "prefer"] as const) {
              lab.agrees(`${kernels}: `, await lab.run(lab.attention({ causal, kernels }), block), expected);
            }
            const required = lab.attention({ causal, kernels: "require" });
            const reasons = refusals(lab, mine, causal, L);
            if (reasons === undefined) {
              lab.agrees("require: ", await lab.run(required, block), expected);
              return;
            }
            const message = await lab.refuses("require", "ATTN_NO_KERNEL", () => required(lab.block(block)));
            for (const reason of reasons)
              lab.holds(message.includes(reason), `the message lacks "${reason}": ${message}`);
          },
        }),
      ),
    ),
    ...[true, false].map(
      (causal): Case<Lab> => ({
        title: `without a state, causal ${causal}`,
        async run(lab) {
          const block = lab.draw({ Hq: 4, Hkv: 2, L: 16, S: 16 });
          const expected = lab.oracle(block, causal);
          for (const kernels of ["never", "prefer"] as const) {
            const got = await lab.run(lab.attention({ causal, kernels, state: false }), block);
            lab.agrees(`${kernels}: `, got, expected);
            const entries = Object.keys(got.state).join(", ");
            lab.holds(entries === "", `${kernels}: with state: false the result has the state entries ${entries}`);
          }
        },
      }),
    ),
  ],
};

/** Why each kernel refuses the call, or nothing where one accepts it. */
function refusals(lab: Lab, kernels: readonly Kernel<unknown>[], causal: boolean, L: number): string[] | undefined {
  const dims = lab.dims({ Hq: 4, Hkv: 2, L, S: L });
  const { B, Hq, Hkv, S, d, dv } = dims;
  const shapes = { q: [B, Hq, L, d], k: [B, Hkv, S, d], v: [B, Hkv, S, dv] };
  const { name, options } = lab.mechanism;
  const call = { mechanism: name, options, causal, lse: false, state: true, dims, shapes };
  const answers = kernels.map((k) => k.accepts(call, lab.backend));
  return answers.includes(true) ? undefined : answers.map(String);
}
