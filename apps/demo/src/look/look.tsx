import "./look.css";
import type { JSX } from "preact";
import { useId, useMemo } from "preact/hooks";
import type { TabProps } from "../contract.ts";
import { Check, Choice, Range, Ticks } from "../shell/fields.tsx";
import { isCut, LONGEST } from "../shell/url.ts";
import { Card } from "./card.tsx";
import { HEADS, kinds } from "./kinds.ts";
import { createView, MOST_TOKENS, temperatures } from "./model.ts";
import { Strip } from "./strip.tsx";

const names = kinds.map(({ name }) => name);

export function Look({ context }: TabProps): JSX.Element {
  const view = useMemo(() => createView(context.url), []);
  const { text, unit, headNumber, causal, tied, temperature, shown, count, tokens, looks } = view;
  const id = useId();
  const ticked = looks.filter(({ kind }) => shown.value.includes(kind.name));
  return (
    <>
      <p class="lead">
        Every mechanism turns queries and keys into a matrix of weights: row by row, how much each token takes from
        which others. Here are the matrices of the same text, side by side. The embedding is fixed and untrained, so
        what differs is the mechanism alone.
      </p>
      <div class="card look-input">
        <div class="field text">
          <label for={id}>
            <span>Text</span>
            <output>{countWords(count.value, unit.value)}</output>
          </label>
          <textarea
            id={id}
            rows={2}
            spellcheck={false}
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
            }}
          />
          {isCut(text.value) && (
            <p class="warn-text" role="status">
              This text is too long for a link: a link to this view holds only its beginning,{" "}
              {LONGEST.toLocaleString("en")} characters at most.
            </p>
          )}
        </div>
        <div class="knobs">
          <Choice label="Tokens" value={unit} values={["characters", "words"]} />
          <Range label="Head" value={headNumber} min={1} max={HEADS} step={1} show={(n) => `${n} of ${HEADS}`} />
          <Range label="Temperature" value={temperature} {...temperatures} show={(t) => t.toFixed(2)} />
          <div class="ticks-column">
            <Check
              checked={causal.value}
              onChange={(on) => {
                causal.value = on;
              }}
            >
              Causal
            </Check>
            <Check
              checked={tied.value}
              onChange={(on) => {
                tied.value = on;
              }}
            >
              Keys are the queries
            </Check>
          </div>
        </div>
        <Ticks legend="Mechanisms" value={shown} values={names} />
        <details class="soft">
          <summary>Which embedding is this?</summary>
          <p>
            Each byte has a fixed pseudo-random vector of 64 channels; a token is the sum of its bytes' vectors over the
            root of their number, plus a sinusoidal position, then layer norm. Fixed random projections make {HEADS}{" "}
            heads of 16 channels of it. With “keys are the queries” both come from one projection, so tokens that are
            alike attend to each other; without it keys have their own, as in a transformer before training. Temperature
            divides the queries. The first {MOST_TOKENS} tokens are shown.
          </p>
        </details>
      </div>
      {tokens.value.length === 0 ? (
        <p class="empty">Type some text to see who attends to whom.</p>
      ) : (
        <>
          <Strip view={view} />
          {ticked.length === 0 && <p class="empty">Tick a mechanism to see its weights.</p>}
          <div class="looks">
            {ticked.map((look) => (
              <Card key={look.kind.name} look={look} view={view} context={context} />
            ))}
          </div>
        </>
      )}
    </>
  );
}

function countWords(count: number, unit: string): string {
  return count > MOST_TOKENS ? `first ${MOST_TOKENS} of ${count} ${unit}` : `${count} ${unit}`;
}
