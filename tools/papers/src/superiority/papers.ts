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

/** A deviation of every claim on D0 and D1. */
export const SOURCE =
  "The abstract and the introduction of the paper were at hand, not its theorems and proofs: the data sets and the network are reconstructed and checked by their own derivation, and the parameters of the paper's curves are not known here.";
