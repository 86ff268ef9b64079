import type { Paper } from "../experiment.ts";

/**
 * Two wordings of the abstract are in circulation, so arXiv has had at least two versions. Sections and equations are
 * numbered as in the preprint of the author's repository (glassroom/heinsen_attention, before commit f72be7f); the
 * quoted sentences are in both wordings.
 */
export const paper: Paper = {
  arxiv: "2404.05843",
  title: "Softmax Attention with Constant Cost per Token",
  authors: "Franz A. Heinsen",
  year: 2024,
};
