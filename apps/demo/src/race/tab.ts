import type { Tab } from "../contract.ts";

export const tab: Tab = { id: "race", title: "Race", load: async () => (await import("./race.tsx")).Race };
