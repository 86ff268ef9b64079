import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Tab } from "../contract.ts";

interface TabListProps {
  readonly tabs: readonly Tab[];
  readonly chosen: Signal<string>;
}

/** One stop for the Tab key; arrow keys, Home and End move along (WAI-ARIA tabs pattern, automatic activation). */
export function TabList({ tabs, chosen }: TabListProps): JSX.Element {
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === chosen.value);
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { id } = tabs.at(to % tabs.length)!;
    chosen.value = id;
    document.getElementById(`tab-${id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views" onKeyDown={onKeyDown}>
      {tabs.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-controls={`panel-${id}`}
          aria-selected={chosen.value === id}
          tabIndex={chosen.value === id ? 0 : -1}
          onClick={() => {
            chosen.value = id;
          }}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
