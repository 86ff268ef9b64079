import type { Paper } from "../experiment.ts";

const authors = "Hemanth Saratchandran, Jianqiao Zheng, Yiping Ji, Wenbo Zhang, Simon Lucey";

/** The third version, whose abstract is quoted. Its theorems are numbered as in reviews of a submission with the same theory. */
export const paper: Paper = {
  arxiv: "2410.18613v3",
  title: "Rethinking Attention: Polynomial Alternatives to Softmax in Transformers",
  authors,
  year: 2026,
};

/** The first version, whose results for x and x^3 are known from a review. */
export const firstVersion: Paper = {
  arxiv: "2410.18613v1",
  title: "Rethinking Softmax: Self-Attention with Polynomial Activations",
  authors,
  year: 2024,
};

/** A deviation of every claim. */
export const SOURCE =
  "The abstracts and reviews of two conference submissions of the paper (one of them written by a machine) were at hand, not its body: the sentence is a paraphrase where it is not in quotation marks, a place other than the abstract is named after the reviews and was not checked against the paper's text, and learning rates, initialisation and steps of the paper are not known here.";
