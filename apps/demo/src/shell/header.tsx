import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Context } from "../contract.ts";
import { type BackendName, backendNames, type Device, onAdapter, titles } from "../device/device.ts";
import { choose as chooseTheme, theme } from "./theme.ts";

interface HeaderProps {
  readonly context: Context;
  choose(name: BackendName): void;
}

export function Header({ context, choose }: HeaderProps): JSX.Element {
  return (
    <header class="top">
      <div class="brand">
        <Mark />
        <div>
          <h1>attnkit</h1>
          <p>Attention, computed in your browser</p>
        </div>
      </div>
      <div class="tools">
        <DeviceChoice device={context.device} choose={choose} />
        <ShareButton context={context} />
        <ThemeButton />
      </div>
    </header>
  );
}

function DeviceChoice({ device, choose }: { device: Signal<Device> } & Pick<HeaderProps, "choose">): JSX.Element {
  const { name, passed } = device.value;
  return (
    <div class="device">
      <label class="visually-hidden" for="device">
        What computes
      </label>
      <select
        id="device"
        value={name}
        onChange={({ currentTarget }) => {
          choose(currentTarget.value as BackendName);
        }}
      >
        {backendNames.map((option) => (
          <option key={option} value={option} disabled={passed.some((p) => p.name === option && !p.usable)}>
            {titles[option]}
          </option>
        ))}
      </select>
      <p class="adapter" data-testid="adapter">
        {describe(device.value)}
      </p>
    </div>
  );
}

/** "Apple M2, hardware", and what was passed over. */
function describe({ adapter, hardware, status, passed, name }: Device): string {
  if (status === "looking") return "asking the browser…";
  const what = onAdapter(name) ? `${adapter}, ${hardware ? "hardware" : "software"}` : adapter;
  const why = passed.map((p) => `${titles[p.name]} passed over: ${p.reason}`);
  return [`${what}${status === "lost" ? ", lost" : ""}`, ...why].join("; ");
}

function ShareButton({ context }: { context: Context }): JSX.Element {
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(context.url.href());
      copied.value = true;
      context.announce("Link copied");
      setTimeout(() => {
        copied.value = false;
      }, 2000);
    } catch {
      context.problem("The browser does not let this page copy; the address bar has the same link.");
    }
  };
  return (
    <button type="button" class="quiet share" onClick={copy} aria-label="Copy a link to this view">
      {copied.value ? "Copied" : "Link"}
    </button>
  );
}

function ThemeButton(): JSX.Element {
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <button type="button" class="quiet icon" onClick={() => chooseTheme(other)} aria-label={`Use the ${other} theme`}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
        <circle cx="10" cy="10" r="6.5" fill="none" stroke="currentColor" stroke-width="1.6" />
        <path d="M10 3.5a6.5 6.5 0 0 1 0 13z" fill="currentColor" />
      </svg>
    </button>
  );
}

/** A small causal attention matrix. */
function Mark(): JSX.Element {
  const cells = [
    [0, 0, 1],
    [0, 1, 0.45],
    [1, 1, 1],
    [0, 2, 0.2],
    [1, 2, 0.55],
    [2, 2, 1],
  ] as const;
  return (
    <svg class="mark" viewBox="0 0 32 32" width="34" height="34" aria-hidden="true">
      {cells.map(([x, y, opacity]) => (
        <rect key={`${x}${y}`} x={2 + x * 10} y={2 + y * 10} width="8" height="8" rx="2" opacity={opacity} />
      ))}
    </svg>
  );
}
