import type { JSX } from "preact";

export function Look(): JSX.Element {
  return <p class="empty">Not written yet.</p>;
}
