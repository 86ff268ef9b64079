import type { Tab } from "../contract.ts";
import { kinds } from "./kinds.ts";

const own = ["text", "tokens", "head", "causal", "tied", "temperature", "show"];
const sliders = kinds.flatMap(({ name, params }) => params.map(({ key }) => `${name}.${key}`));

export const tab: Tab = {
  id: "look",
  title: "Look",
  keys: [...own, ...sliders],
  load: async () => (await import("./look.tsx")).Look,
};
