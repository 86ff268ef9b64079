import type { Tab } from "../contract.ts";

export const tab: Tab = { id: "train", title: "Train", load: async () => (await import("./train.tsx")).Train };
