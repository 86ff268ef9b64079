/** Light or dark: what the system prefers, until the visitor chooses. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const media = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Theme>(media.matches ? "dark" : "light");
media.addEventListener("change", () => {
  system.value = media.matches ? "dark" : "light";
});

const chosen = signal<Theme | undefined>(document.documentElement.dataset.theme as Theme | undefined);

/** The current theme. Pictures on a canvas follow it. */
export const theme: ReadonlySignal<Theme> = computed(() => chosen.value ?? system.value);

export function choose(wanted: Theme): void {
  chosen.value = wanted;
  document.documentElement.dataset.theme = wanted;
  try {
    localStorage.setItem("attnkit.theme", wanted);
  } catch {
    // Without storage the choice holds until the page is left.
  }
}
