/** What the page has to say: errors, the state of the device, and words for screen readers alone. */
import { type Signal, signal } from "@preact/signals";
import type { JSX } from "preact";
import { type Device, next, titles } from "../device/device.ts";
import { probe } from "../device/probe.ts";

const problems = signal<readonly string[]>([]);
const said = signal("");

/** See `Context.problem`. The same words twice in a row are shown once. */
export function problem(error: unknown): void {
  const words = error instanceof Error ? error.message : String(error);
  if (!problems.value.includes(words)) problems.value = [...problems.value, words];
}

/** See `Context.announce`. */
export function announce(text: string): void {
  said.value = text;
}

export function Notices({ device }: { readonly device: Signal<Device> }): JSX.Element {
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">
        {said.value}
      </div>
      <div class="notices" role="alert">
        {device.value.status === "lost" && <Lost device={device} />}
        {problems.value.map((words) => (
          <div class="notice bad" key={words}>
            <p>{words}</p>
            <button type="button" onClick={() => dismiss(words)} aria-label={`Dismiss: ${words}`}>
              Dismiss
            </button>
          </div>
        ))}
      </div>
    </>
  );
}

function dismiss(words: string): void {
  problems.value = problems.value.filter((other) => other !== words);
}

function Lost({ device }: { readonly device: Signal<Device> }): JSX.Element {
  const { name, reason } = device.value;
  const following = next(name);
  const use = async (wanted: Device["name"]) => {
    device.value = await probe(wanted);
    announce(`Continuing on ${titles[device.value.name]}`);
  };
  return (
    <div class="notice bad" data-testid="lost">
      <p>
        <strong>The {titles[name]} device was lost</strong> ({reason}). What is on the page stays; nothing more can be
        computed on it.
      </p>
      {following && (
        <button type="button" class="primary" onClick={() => use(following)}>
          Continue on {titles[following]}
        </button>
      )}
      <button type="button" onClick={() => use(name)}>
        Try {titles[name]} again
      </button>
    </div>
  );
}
