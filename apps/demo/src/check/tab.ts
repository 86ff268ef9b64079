import type { Tab } from "../contract.ts";

export const tab: Tab = {
  id: "check",
  title: "Check",
  keys: ["set", "check"],
  load: async () => (await import("./check.tsx")).Check,
};
