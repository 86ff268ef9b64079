/** Light or dark: what the system prefers, until the visitor chooses. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const media = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Theme>(media.matches ? "dark" : "light");
media.addEventListener("change", () => {
  system.value = media.matches ? "dark" : "light";
  if (chosen.value === undefined) document.documentElement.dataset.theme = system.value;
});

const chosen = signal<Theme | undefined>(stored());

/** Returns what the visitor chose before, or undefined where nothing is stored. */
function stored(): Theme | undefined {
  try {
    const theme = localStorage.getItem("attnkit.theme");
    return theme === "dark" || theme === "light" ? theme : undefined;
  } catch {
    return undefined; // without storage there is no earlier choice
  }
}

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
