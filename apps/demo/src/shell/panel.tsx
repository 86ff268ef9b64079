import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Context, Tab, TabProps } from "../contract.ts";

interface PanelProps {
  readonly tab: Tab;
  readonly shown: boolean;
  readonly context: Context;
}

/** A tab's content: loaded when first shown, hidden but alive afterwards. */
export function Panel({ tab, shown, context }: PanelProps): JSX.Element {
  const view = useSignal<{ readonly Content: ComponentType<TabProps> } | { readonly error: string } | undefined>(
    undefined,
  );
  const asked = useSignal(shown);
  useEffect(() => {
    if (shown) asked.value = true;
  }, [shown]);
  useSignalEffect(() => {
    if (!asked.value) return;
    tab.load().then(
      (Content) => {
        view.value = { Content };
      },
      (error: unknown) => {
        view.value = { error: String(error) };
      },
    );
  });
  const now = view.value;
  return (
    <section
      id={`panel-${tab.id}`}
      role="tabpanel"
      aria-labelledby={`tab-${tab.id}`}
      hidden={!shown}
      class="panel"
      aria-busy={now === undefined}
    >
      {now === undefined && <p class="empty">Loading…</p>}
      {now !== undefined && "error" in now && (
        <div class="empty">
          <p>This view could not be loaded: {now.error}</p>
          <button type="button" onClick={() => location.reload()}>
            Reload the page
          </button>
        </div>
      )}
      {now !== undefined && "Content" in now && <now.Content context={context} />}
    </section>
  );
}
