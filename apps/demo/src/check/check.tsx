import type { JSX } from "preact";

export function Check(): JSX.Element {
  return <p class="empty">Not written yet.</p>;
}
