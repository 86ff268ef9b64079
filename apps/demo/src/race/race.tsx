import type { JSX } from "preact";

export function Race(): JSX.Element {
  return <p class="empty">Not written yet.</p>;
}
