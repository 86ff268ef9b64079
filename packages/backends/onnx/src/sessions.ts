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
  /** Calls that run on the session or wait for it. */
  running: number;
  /** Called after the last of them, once the entry is out of the map. */
  idle?: () => void;
}

/**
 * Sessions by the model that they run, so that equal programs share one. At most `most` are kept beside those that calls
 * run on; the one that was used longest ago is released.
 */
export class Sessions {
  readonly #entries = new Map<string, Entry>();
  #last: Entry | undefined;
  readonly #most: number;
  readonly #create: (model: Uint8Array) => Promise<Session>;
  /** Releases that have not ended, or that failed and nobody was told yet. */
  readonly #ending = new Set<Promise<void>>();

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
    const entry = this.#entries.get(key) ?? { session: this.#create(make()), running: 0 };
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
      // A model that the runtime refuses is not kept; the key may have another entry by now.
      if (entry.ready === undefined && this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    } finally {
      entry.running--;
      if (entry.running === 0) entry.idle?.();
      if (this.#entries.size > this.#most) this.#evict();
    }
  }

  /** Releases every session, those in use after their last call. Throws what a release threw, of an evicted one as well. */
  async clear(): Promise<void> {
    const all = [...this.#entries.values()];
    this.#last = undefined;
    this.#entries.clear();
    for (const entry of all) this.#release(entry);
    const ending = [...this.#ending];
    const ended = await Promise.allSettled(ending);
    for (const one of ending) this.#ending.delete(one);
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Calls in flight keep their sessions here, so that the next call of the same model finds them. */
  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#most) return;
      if (entry.running > 0) continue;
      this.#entries.delete(key);
      this.#release(entry);
    }
  }

  /** Begins the release of an entry that is out of the map. A failure is for `clear` to tell: it is no call's own. */
  #release(entry: Entry): void {
    const last = entry.running === 0 ? undefined : new Promise<void>((idle) => Object.assign(entry, { idle }));
    const ended = (async () => {
      await last;
      await entry.ready?.release(); // a session that could not be made is not there, and its calls have said so
    })();
    this.#ending.add(ended);
    ended.then(
      () => this.#ending.delete(ended),
      () => {},
    );
  }
}
