import type { JSX } from "preact";

export function Train(): JSX.Element {
  return <p class="empty">Not written yet.</p>;
}
