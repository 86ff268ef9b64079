/** The page's messages: errors, the state of the device, and texts for screen readers only. */
import { type Signal, signal } from "@preact/signals";
import type { JSX } from "preact";
import type { UrlState } from "../contract.ts";
import { type BackendName, type Device, next, titles } from "../device/device.ts";

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

interface NoticesProps {
  readonly device: Signal<Device>;
  readonly url: UrlState;
  choose(name: BackendName): void;
}

export function Notices({ device, url, choose }: NoticesProps): JSX.Element {
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">
        {said.value}
      </div>
      <div class="notices" role="alert">
        {device.value.status === "lost" && <Lost device={device} choose={choose} />}
        {url.faults.value.length > 0 && <LinkFaults url={url} />}
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

/** More than these would push the page out of sight. */
const MOST_FAULTS = 5;

/** An old link, or one that was written by hand: the page says what it did not take from it. */
function LinkFaults({ url }: { readonly url: UrlState }): JSX.Element {
  const faults = url.faults.value;
  const more = faults.length - MOST_FAULTS;
  return (
    <div class="notice warn" data-testid="link-faults">
      <p>
        <strong>Not everything in this link could be used.</strong> {faults.slice(0, MOST_FAULTS).join("; ")}
        {more > 0 && `; and ${more} more`}.
      </p>
      <button type="button" onClick={url.dismiss} aria-label="Dismiss: what the link could not say">
        Dismiss
      </button>
    </div>
  );
}

function Lost({ device, choose }: Omit<NoticesProps, "url">): JSX.Element {
  const { name, reason } = device.value;
  const following = next(name);
  const use = (wanted: BackendName) => {
    choose(wanted);
    announce(`Continuing on ${titles[wanted]}`);
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
