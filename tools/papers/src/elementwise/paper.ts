import type { Paper } from "../experiment.ts";

export const paper: Paper = {
  arxiv: "2501.05730v1",
  title: "Element-wise Attention Is All You Need",
  authors: "Guoxin Feng",
  year: 2025,
};
