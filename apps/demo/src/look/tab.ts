import type { Tab } from "../contract.ts";

export const tab: Tab = { id: "look", title: "Look", load: async () => (await import("./look.tsx")).Look };
