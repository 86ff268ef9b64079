import "./style/base.css";
import "./style/shell.css";
import { batch, effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Context, Device } from "./contract.ts";
import { type BackendName, backendNames } from "./device/device.ts";
import { lost } from "./device/open.ts";
import { looking, probe } from "./device/probe.ts";
import { App } from "./shell/app.tsx";
import { announce, problem } from "./shell/notices.tsx";
import { urlState } from "./shell/url.ts";
import { keys } from "./tabs.ts";

const url = urlState(keys);
const device = signal<Device>(looking);
const wanted = url.choice<BackendName | "auto">("device", "auto", ["auto", ...backendNames]);
/** Counts choices: to choose the same again is to ask the browser again. */
const turn = signal(0);

// Chosen in the header or by a link.
effect(() => {
  const name = wanted.value;
  const mine = turn.value;
  const current = () => wanted.peek() === name && turn.peek() === mine;
  probe(name).then(
    (found) => {
      if (current()) device.value = found;
    },
    (error: unknown) => {
      if (current()) problem(error);
    },
  );
});
const choose = (name: BackendName) =>
  batch(() => {
    wanted.value = name;
    turn.value += 1;
  });
effect(() => {
  const gone = lost.value;
  if (gone === undefined || device.peek().name !== gone.name) return;
  device.value = { ...device.peek(), status: "lost", reason: gone.reason };
});

const context: Context = { device, url, announce, problem };
render(<App context={context} choose={choose} />, document.getElementById("app")!);
