import type { Tab } from "../contract.ts";

export const tab: Tab = {
  id: "train",
  title: "Train",
  keys: [
    "train",
    ...["width", "heads", "layers", "context", "batch", "steps", "rate", "seed"].map((key) => `train-${key}`),
    ...["temperature", "length"].map((key) => `train-${key}`),
  ],
  load: async () => (await import("./train.tsx")).Train,
};
