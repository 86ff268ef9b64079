import type { InferenceSession } from "onnxruntime-common";
import { textOf } from "./graph.ts";

/** What is used of a session. */
export interface Session {
  run(feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType>;
  release(): Promise<void>;
}

interface Entry {
  readonly session: Promise<Session>;
  /** The same once it is there: a step of a decode is too short to wait for what has long happened. */
  ready?: Session;
  running: number;
  evicted: boolean;
}

/**
 * Sessions by the model that they run, so that equal programs share one. At most `most` are kept; the one that was used
 * longest ago is released, once nothing runs on it.
 */
export class Sessions {
  readonly #entries = new Map<string, Entry>();
  #last: Entry | undefined;
  readonly #most: number;
  readonly #create: (model: Uint8Array) => Promise<Session>;

  constructor(most: number, create: (model: Uint8Array) => Promise<Session>) {
    this.#most = most;
    this.#create = create;
  }

  /** What keeps `model` apart from every other. */
  static keyOf(model: Uint8Array): string {
    return textOf(model);
  }

  /** `use` a session of the model; `make` gives the model where there is none yet. */
  async use<R>(key: string, make: () => Uint8Array, use: (session: Session) => Promise<R>): Promise<R> {
    const entry = this.#entries.get(key) ?? { session: this.#create(make()), running: 0, evicted: false };
    if (this.#last !== entry) {
      this.#last = entry;
      this.#entries.delete(key);
      this.#entries.set(key, entry); // the last used is the last in the map
    }
    entry.running++;
    if (this.#entries.size > this.#most) this.#evict();
    try {
      entry.ready ??= await entry.session;
      return await use(entry.ready);
    } catch (error) {
      // A model that the runtime refuses is not kept.
      entry.session.catch(() => this.#entries.delete(key));
      throw error;
    } finally {
      entry.running--;
      if (entry.evicted) await release(entry);
    }
  }

  async clear(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#last = undefined;
    this.#entries.clear();
    for (const entry of all) {
      entry.evicted = true;
      await release(entry);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#most) return;
      this.#entries.delete(key);
      entry.evicted = true;
      void release(entry);
    }
  }
}

async function release(entry: Entry): Promise<void> {
  if (!entry.evicted || entry.running > 0) return;
  await (await entry.session).release();
}
