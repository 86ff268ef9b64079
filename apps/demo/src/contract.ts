/** The interface between the shell and its tabs. */
import type { Signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { Device } from "./device/device.ts";
import type { UrlState } from "./shell/url.ts";

export type { BackendName, Device, OpenBackend } from "./device/device.ts";
export type { UrlState } from "./shell/url.ts";

/** One tab. Its module is small; what it shows is loaded when it is first opened, and stays mounted from then on. */
export interface Tab {
  /** In the address: `?tab=look`. */
  readonly id: string;
  readonly title: string;
  /** Its keys in the address after `#`; others are dropped from a link, with a notice. */
  readonly keys: readonly string[];
  load(): Promise<ComponentType<TabProps>>;
}

export interface TabProps {
  readonly context: Context;
}

export interface Context {
  /** The current device. It changes when the visitor chooses one, when it cannot be opened and when it is lost. */
  readonly device: Signal<Device>;
  readonly url: UrlState;
  /** Says `text` to screen readers, through the page's one polite live region. */
  announce(text: string): void;
  /** Shows an error that the visitor should know of, and says it; what is on the page stays. */
  problem(error: unknown): void;
}
