import type { Tab } from "../contract.ts";

export const tab: Tab = { id: "check", title: "Check", load: async () => (await import("./check.tsx")).Check };
