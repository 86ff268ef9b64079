import { workedInputs } from "../../../core/test/head.ts";

/** The MATH worked example (docs/math.md): one head of four tokens, computed with NumPy in float64 from the formulas. */
export const worked = {
  ...workedInputs,

  logsumexp: {
    full: [
      [0.472944665263, -1.186706428466],
      [0.418034318429, -0.926828929988],
      [0.220388805035, 0.008579869405],
      [0.250819481422, -0.135441221563],
    ],
    causal: [
      [1, 2],
      [0.043575377063, 1.282681532797],
      [0.022370856663, -0.101735788752],
      [0.250819481422, -0.135441221563],
    ],
  },
};
