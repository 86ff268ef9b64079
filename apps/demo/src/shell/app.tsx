import type { JSX } from "preact";
import type { Context } from "../contract.ts";
import type { BackendName } from "../device/device.ts";
import { tabs } from "../tabs.ts";
import { Header } from "./header.tsx";
import { Notices } from "./notices.tsx";
import { Panel } from "./panel.tsx";
import { TabList } from "./tablist.tsx";

export interface AppProps {
  readonly context: Context;
  choose(name: BackendName): void;
}

export function App({ context, choose }: AppProps): JSX.Element {
  const chosen = context.url.choice(
    "tab",
    tabs[0]!.id,
    tabs.map(({ id }) => id),
  );
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <Header context={context} choose={choose} />
      <Notices device={context.device} url={context.url} choose={choose} />
      <TabList tabs={tabs} chosen={chosen} />
      <main id="main" tabIndex={-1}>
        {tabs.map((tab) => (
          <Panel key={tab.id} tab={tab} shown={chosen.value === tab.id} context={context} />
        ))}
      </main>
      <footer>
        <p>
          Everything is computed on this device. Nothing is sent anywhere.{" "}
          <a href="https://github.com/attnkit/attnkit">Source and documentation</a>
        </p>
      </footer>
    </>
  );
}
