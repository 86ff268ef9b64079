import type { Paper } from "../experiment.ts";

const authors = "Hemanth Saratchandran, Jianqiao Zheng, Yiping Ji, Wenbo Zhang, Simon Lucey";

/** The third version, whose abstract is quoted and whose theorems are numbered. */
export const paper: Paper = {
  arxiv: "2410.18613v3",
  title: "Rethinking Attention: Polynomial Alternatives to Softmax in Transformers",
  authors,
  year: 2026,
};

/** The first version, which has the results for x and x^3. */
export const firstVersion: Paper = {
  arxiv: "2410.18613v1",
  title: "Rethinking Softmax: Self-Attention with Polynomial Activations",
  authors,
  year: 2024,
};

/** A deviation of every claim. */
export const SOURCE =
  "The abstracts of all versions and reviews of the text were at hand, not its body: the sentence is a paraphrase where it is not in quotation marks, and learning rates, initialisation and steps of the paper are not known here.";
