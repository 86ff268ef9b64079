import { tab as check } from "./check/tab.ts";
import type { Tab } from "./contract.ts";
import { tab as look } from "./look/tab.ts";
import { tab as race } from "./race/tab.ts";
import { tab as train } from "./train/tab.ts";

/** In the order in which they are shown. */
export const tabs: readonly Tab[] = [look, race, train, check];
