import type { Replay } from "@attnkit/core/conformance";

/** The line of `attnkit conform` that runs one case again, on a backend and a mechanism of this catalog. */
export const replayCommand: Replay = ({ backend, dtype, mechanism, options, law, seed, case: n }) => {
  const given = options === "{}" ? "" : ` --options '${options}'`;
  return (
    `attnkit conform --backend ${backend} --dtype ${dtype} --mechanism ${mechanism}${given}` +
    ` --law ${law} --seed ${seed} --case ${n}`
  );
};
