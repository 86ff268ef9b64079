import "./style/base.css";
import "./style/shell.css";
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Context, Device } from "./contract.ts";
import { type BackendName, backendNames } from "./device/device.ts";
import { lost } from "./device/open.ts";
import { looking, probe } from "./device/probe.ts";
import { App } from "./shell/app.tsx";
import { announce, problem } from "./shell/notices.tsx";
import { urlState } from "./shell/url.ts";

const url = urlState();
const device = signal<Device>(looking);
const wanted = url.choice<BackendName>("device", backendNames[0]!, backendNames);

// Chosen in the header or by a link.
effect(() => {
  const name = wanted.value;
  probe(name).then((found) => {
    device.value = found;
  }, problem);
});
effect(() => {
  const gone = lost.value;
  if (gone === undefined || device.peek().name !== gone.name) return;
  device.value = { ...device.peek(), status: "lost", reason: gone.reason };
});

const context: Context = { device, url, announce, problem };
render(<App context={context} wanted={wanted} />, document.getElementById("app")!);
