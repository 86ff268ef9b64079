/** Generation from a trained model, and what its state weighs. */
import { bytes, digits } from "@attnkit/measure/format";
import { useSignal, useSignalEffect } from "@preact/signals";
import { proxy } from "comlink";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Context } from "../contract.ts";
import { nameOf } from "../device/device.ts";
import { Plot } from "../plot/plot.tsx";
import { colourOf } from "../plot/series.ts";
import { ModelField, useModel } from "./model.tsx";
import type { Session } from "./session.ts";

/** State against tokens of one generation. */
interface Weighed {
  readonly mechanism: string;
  /** The device that wrote. */
  readonly on: string;
  readonly seen: readonly number[];
  readonly stateBytes: readonly number[];
  /** Seconds per token, the first one, which reads the prompt, left out. */
  readonly seconds: number;
}

export function Speak({ session, context }: { session: Session; context: Context }): JSX.Element {
  const model = useModel(session);
  const { names, mechanism } = model;
  const prompt = useSignal("The keeper ");
  const temperature = context.url.number("train-temperature", 0.7, { min: 0, max: 2, step: 0.05 });
  const length = context.url.number("train-length", 300, { min: 1, max: 10_000, step: 1 });
  const said = useSignal("");
  const going = useSignal(false);
  const weighed = useSignal<readonly Weighed[]>([]);
  const seed = useRef(0);
  const ready = names.length > 0 && !["idle", "opening", "lost"].includes(session.status.value.kind);

  // Text and speed belong to the models that wrote them.
  useSignalEffect(() => {
    void session.plan.value;
    said.value = "";
    weighed.value = [];
  });
  const page = useRef<HTMLTextAreaElement>(null);
  /** True while the end of the text is in sight; a reader who scrolled up stays where they read. */
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (page.current && atEnd.current) page.current.scrollTop = page.current.scrollHeight;
  }, [said.value]);

  const speak = async () => {
    const worker = session.worker();
    if (!worker || !mechanism) return;
    const plan = session.plan.peek();
    const device = session.opened.peek();
    atEnd.current = true;
    going.value = true;
    const start = new TextEncoder().encode(prompt.value);
    const out = [...start];
    const seen: number[] = [];
    const stateBytes: number[] = [];
    let seconds = 0;
    let drawn = 0;
    const decoder = () => new TextDecoder().decode(Uint8Array.from(out));
    const show = () => {
      if (session.plan.peek() !== plan) return;
      said.value = decoder();
      const own = {
        mechanism,
        on: device ? nameOf(device) : "",
        seen: [...seen],
        stateBytes: [...stateBytes],
        seconds: seconds / Math.max(1, seen.length - 1),
      };
      weighed.value = [...weighed.value.filter((w) => w.mechanism !== mechanism), own];
    };
    said.value = prompt.value;
    try {
      seed.current += 1;
      const how = { temperature: temperature.value, length: length.value, seed: seed.current };
      await worker.speak(
        mechanism,
        start,
        how,
        proxy((x) => {
          out.push(x.byte);
          seen.push(x.seen);
          stateBytes.push(x.stateBytes);
          if (seen.length > 1) seconds += x.seconds;
          cancelAnimationFrame(drawn);
          drawn = requestAnimationFrame(show);
        }),
      );
      cancelAnimationFrame(drawn);
      show();
      context.announce(
        `${mechanism} has written ${seen.length} bytes; its state takes ${bytes(stateBytes.at(-1) ?? 0)}.`,
      );
    } catch (error) {
      session.failed(error);
    } finally {
      going.value = false;
    }
  };

  return (
    <section class="card train-speak" aria-labelledby="train-speak">
      <h3 id="train-speak">Generate</h3>
      <p class="soft">
        The prompt is read once; then each byte is one step from the state, and no earlier byte is run again.
      </p>
      <div class="train-how">
        <ModelField id="train-model" model={model} disabled={!ready || going.value} />
        <div class="field">
          <label for="train-prompt">Prompt</label>
          <input
            id="train-prompt"
            type="text"
            value={prompt.value}
            onInput={(e) => (prompt.value = e.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="train-temperature">
            Temperature <output>{temperature.value.toFixed(2)}</output>
          </label>
          <input
            id="train-temperature"
            type="range"
            min={0}
            max={2}
            step={0.05}
            value={temperature.value}
            onInput={(e) => (temperature.value = e.currentTarget.valueAsNumber)}
          />
        </div>
        <div class="field">
          <label for="train-length">Bytes</label>
          <input
            id="train-length"
            type="number"
            min={1}
            max={10000}
            value={length.value}
            onChange={(e) => {
              const x = Math.round(e.currentTarget.valueAsNumber) || 300;
              length.value = Math.min(10_000, Math.max(1, x));
            }}
          />
        </div>
        {going.value ? (
          <button type="button" onClick={() => void session.worker()?.hush().catch(session.failed)}>
            Stop writing
          </button>
        ) : (
          <button type="button" class="primary" disabled={!ready} onClick={speak}>
            Generate
          </button>
        )}
      </div>
      <textarea
        ref={page}
        onScroll={({ currentTarget: t }) => {
          atEnd.current = t.scrollHeight - t.scrollTop - t.clientHeight < 4;
        }}
        class="train-said"
        readOnly
        rows={9}
        aria-label="Generated text"
        data-testid="generated"
        placeholder="Nothing yet."
        value={said.value}
      />
      <Meters weighed={weighed.value} />
    </section>
  );
}

function Meters({ weighed }: { weighed: readonly Weighed[] }): JSX.Element {
  const most = Math.max(1, ...weighed.map((w) => w.stateBytes.at(-1) ?? 0));
  const longest = weighed.toSorted((a, b) => b.seen.length - a.seen.length)[0];
  return (
    <div class="train-memory">
      <ul class="meters" aria-label="State of each model">
        {weighed.map(({ mechanism, on, seen, stateBytes, seconds }) => {
          const [first, last] = [stateBytes[0] ?? 0, stateBytes.at(-1) ?? 0];
          return (
            <li key={mechanism}>
              <label>
                <span>
                  <strong>{mechanism}</strong>: {bytes(last)} after {seen.at(-1) ?? 0} tokens,{" "}
                  {last === first ? "the same as after the prompt" : `${bytes(first)} after the prompt: it grows`}
                  {seconds > 0 && `; ${digits(1 / seconds)} tokens/s`}; {on}
                </span>
                <meter min={0} max={most} value={last} />
              </label>
            </li>
          );
        })}
        {weighed.length === 0 && (
          <li class="soft">What the state weighs is shown here, for each model that has written.</li>
        )}
      </ul>
      <Plot
        title="State against tokens seen"
        x="tokens"
        y="bytes"
        height={170}
        format={bytes}
        lines={weighed.map((w) => ({ label: w.mechanism, colour: colourOf(w.mechanism) }))}
        data={[
          [...(longest?.seen ?? [])],
          ...weighed.map((w) => (longest?.seen ?? []).map((_, i) => w.stateBytes[i] ?? null)),
        ]}
      />
    </div>
  );
}
