import type { Paper } from "../experiment.ts";

export const deng: Paper = {
  arxiv: "2310.11685v2",
  title: "Why Softmax Attention Outperforms Linear Attention",
  authors: "Yichuan Deng, Zhao Song, Kaijun Yuan, Tianyi Zhou",
  year: 2026,
};

export const song: Paper = {
  arxiv: "2310.20051v1",
  title: "The Expressibility of Polynomial based Attention Scheme",
  authors: "Zhao Song, Guangyi Xu, Junze Yin",
  year: 2023,
};

/** A deviation of every claim on the data sets and the network of the first paper. */
export const SOURCE =
  "The abstract and the beginning of the introduction were at hand, not the theorems and proofs: the sentence is a paraphrase from memory, and the place was not checked against the paper's text. The data sets and the network are reconstructed and checked by their own derivation, and the parameters of the paper's curves are not known here.";

/** The same for the second paper, whose abstract and table of contents were at hand. */
export const SONG_SOURCE =
  'The abstract and the table of contents of the paper were at hand, not its theorems and proofs. The data sets and the network are our reconstruction of those of arXiv 2310.11685, with which the paper has "substantial text overlap" by a note of arXiv; that it uses the same ones is not known.';
