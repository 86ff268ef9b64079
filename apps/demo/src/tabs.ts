import { tab as check } from "./check/tab.ts";
import type { Tab } from "./contract.ts";
import { tab as look } from "./look/tab.ts";
import { tab as race } from "./race/tab.ts";
import { tab as train } from "./train/tab.ts";

/** Keys of the address that belong to no tab. */
const shell = ["tab", "device"];

/** In the order in which they are shown. */
export const tabs: readonly Tab[] = [look, race, train, check];

/** Every key that a link may have. */
export const keys: readonly string[] = [...shell, ...tabs.flatMap((tab) => tab.keys)];
