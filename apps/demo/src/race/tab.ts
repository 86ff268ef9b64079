import type { Tab } from "../contract.ts";

export const tab: Tab = {
  id: "race",
  title: "Race",
  keys: ["race", "race-on", "race-to", "race-heads", "race-dim", "race-rounds", "race-limit"],
  load: async () => (await import("./race.tsx")).Race,
};
