import { workedInputs } from "../../../core/test/head.ts";

/** The MATH worked example (docs/math.md): one head of four tokens, computed with NumPy in float64 from the formulas. */
export const worked = {
  ...workedInputs,

  softmax: {
    full: [
      [0.780518266738, -0.824102417733],
      [0.515655733383, -0.895630949621],
      [0.489734755949, 0.679394517128],
      [0.225648883444, 0.280395167651],
    ],
    causal: [
      [1, 2],
      [0.217443221431, 1.413082416074],
      [-0.182440771666, 0.536702257967],
      [0.225648883444, 0.280395167651],
    ],
  },
};
