import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect, useErrorBoundary } from "preact/hooks";
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
  // Without it an error in one view would take the whole page away.
  const [broken] = useErrorBoundary();
  return (
    <section
      id={`panel-${tab.id}`}
      role="tabpanel"
      aria-labelledby={`tab-${tab.id}`}
      hidden={!shown}
      class="panel"
      aria-busy={now === undefined}
    >
      {broken !== undefined && (
        <div class="empty" role="alert">
          <p>This view stopped: {broken instanceof Error ? broken.message : String(broken)}</p>
          <button type="button" onClick={() => startOver(tab.id)}>
            Open it with its defaults
          </button>
        </div>
      )}
      {broken === undefined && now === undefined && <p class="empty">Loading…</p>}
      {broken === undefined && now !== undefined && "error" in now && (
        <div class="empty">
          <p>This view could not be loaded: {now.error}</p>
          <button type="button" onClick={() => location.reload()}>
            Reload the page
          </button>
        </div>
      )}
      {broken === undefined && now !== undefined && "Content" in now && <now.Content context={context} />}
    </section>
  );
}

/** Whatever the address said, it ended here. */
function startOver(tab: string): void {
  location.hash = `tab=${tab}`;
  location.reload();
}
