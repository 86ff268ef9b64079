/** Opens backends. Frameworks are loaded here and nowhere else, when first asked for. */
import { type Signal, signal } from "@preact/signals";
import { type BackendName, type Device, next, type OpenBackend, type Passed } from "./device.ts";

/** The last device that was lost; the shell says so. */
export const lost: Signal<{ readonly name: BackendName; readonly reason: string } | undefined> = signal(undefined);

let last: Promise<unknown> = Promise.resolve();
const opened = new Map<BackendName, Promise<OpenBackend>>();

/** The backend of this name, made when first asked for and again after it was lost. Rejects with why it cannot be had. */
export function openBackend(name: BackendName): Promise<OpenBackend> {
  const known = opened.get(name);
  if (known) return known;
  // One after the other: tfjs has one current backend, and each start must find its own.
  const made = last.then(() => start(name));
  last = made.catch(() => {});
  opened.set(name, made);
  made.then(
    (open) =>
      open.lost.then((reason) => {
        opened.delete(name);
        lost.value = { name, reason };
      }),
    () => opened.delete(name),
  );
  return made;
}

async function start(name: BackendName): Promise<OpenBackend> {
  if (name === "webgpu") return (await import("./webgpu.ts")).openWebgpu();
  if (name === "tfjs-webgpu") return (await import("./tfjs-webgpu.ts")).openTfjsWebgpu();
  if (name === "tfjs-wasm") return (await import("./wasm.ts")).openWasm();
  return (await import("./cpu.ts")).openCpu();
}

/**
 * The chosen device, or the next one that opens; `device` then says which and why. Rejects while the device is lost: the
 * visitor decides how to go on.
 */
export async function openChosen(device: Signal<Device>): Promise<OpenBackend> {
  const chosen = await settled(device);
  if (chosen.status === "lost") throw new Error(`the device was lost: ${chosen.reason}`);
  const passed: Passed[] = [...chosen.passed];
  for (let name: BackendName | undefined = chosen.name; name !== undefined; name = next(name)) {
    try {
      const open = await openBackend(name);
      const { adapter, hardware } = open;
      const told = device.peek();
      // Meanwhile the visitor may have chosen another.
      if (told === chosen && (told.name !== name || told.adapter !== adapter)) {
        device.value = { name, adapter, hardware, status: "ready", passed };
      }
      return open;
    } catch (error) {
      passed.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  throw new Error(`nothing here can compute: ${passed.map(({ name, reason }) => `${name}: ${reason}`).join("; ")}`);
}

/** Once the browser has answered. */
function settled(device: Signal<Device>): Promise<Device> {
  return new Promise((resolve) => {
    const stop = device.subscribe((now) => {
      if (now.status === "looking") return;
      resolve(now);
      queueMicrotask(() => stop());
    });
  });
}
