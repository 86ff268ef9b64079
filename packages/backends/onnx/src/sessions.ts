import type { InferenceSession } from "onnxruntime-common";
import { textOf } from "./graph.ts";

/** The part of an ONNX Runtime session that the backend uses. */
export interface Session {
  run(feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType>;
  release(): Promise<void>;
}

interface Entry {
  readonly session: Promise<Session>;
  /** The session once it exists. Awaiting a settled promise would cost a decode step too much time. */
  ready?: Session;
  /** The number of calls that run on the session or wait for it. */
  running: number;
  /** Called after the last of these calls, if the entry was removed from the map. */
  idle?: () => void;
}

/**
 * Caches sessions by model, so that equal programs share one. It keeps at most `most` sessions, and more only while
 * calls use them. The least recently used session is released first.
 */
export class Sessions {
  readonly #entries = new Map<string, Entry>();
  #last: Entry | undefined;
  readonly #most: number;
  readonly #create: (model: Uint8Array) => Promise<Session>;
  /** Releases that are pending, or that failed and were not reported yet. */
  readonly #ending = new Set<Promise<void>>();

  constructor(most: number, create: (model: Uint8Array) => Promise<Session>) {
    this.#most = most;
    this.#create = create;
  }

  /** Returns a key that is equal for equal models only. */
  static keyOf(model: Uint8Array): string {
    return textOf(model);
  }

  /**
   * Calls `use` with a session of the model. `make` returns the model; it is called only if there is no session yet.
   */
  async use<R>(key: string, make: () => Uint8Array, use: (session: Session) => Promise<R>): Promise<R> {
    const entry = this.#entries.get(key) ?? { session: this.#create(make()), running: 0 };
    if (this.#last !== entry) {
      this.#last = entry;
      this.#entries.delete(key);
      this.#entries.set(key, entry); // a Map keeps insertion order: the most recently used entry is the last
    }
    entry.running++;
    if (this.#entries.size > this.#most) this.#evict();
    try {
      entry.ready ??= await entry.session;
      return await use(entry.ready);
    } catch (error) {
      // A session that could not be created is dropped. The key may belong to a newer entry by now.
      if (entry.ready === undefined && this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    } finally {
      entry.running--;
      if (entry.running === 0) entry.idle?.();
      if (this.#entries.size > this.#most) this.#evict();
    }
  }

  /**
   * Releases every session, those in use after their last call. Throws the first error of any release, evicted sessions
   * included.
   */
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

  /** Sessions with running calls are not evicted: the next call of the same model needs them. */
  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#most) return;
      if (entry.running > 0) continue;
      this.#entries.delete(key);
      this.#release(entry);
    }
  }

  /**
   * Starts to release an entry that was removed from the map. `clear` reports a failure, because it belongs to no call.
   */
  #release(entry: Entry): void {
    const last = entry.running === 0 ? undefined : new Promise<void>((idle) => Object.assign(entry, { idle }));
    const ended = (async () => {
      await last;
      await entry.ready?.release(); // a session that could not be created is absent here; its calls reported the error
    })();
    this.#ending.add(ended);
    ended.then(
      () => this.#ending.delete(ended),
      () => {},
    );
  }
}
