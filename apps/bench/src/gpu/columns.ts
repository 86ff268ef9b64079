import { type Adapter, adapterOf } from "@attnkit/catalog";
import type { Backend, DType } from "@attnkit/core";
import { checkOracle } from "@attnkit/measure/check";
import type { Choice } from "@attnkit/measure/choice";
import type { CheckResult } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";
import { type Subject, subject } from "@attnkit/measure/subject";
import type { TileTable } from "@attnkit/wgsl";
import { backendNamed, open } from "../select.ts";
import { useTilesOn } from "../tune/use.ts";
import { Refusal } from "./cell.ts";
import { drawn } from "./input.ts";

/** Tokens of the check of every entry: two blocks of `checkOracle`, the second after the first's state. */
const CHECKED = 129;

/** The backends of a record. Each is opened once for a float type, when a cell first needs it. */
export class Columns {
  readonly #opened = new Map<string, ReturnType<typeof open>>();
  readonly #checked = new Map<string, Promise<CheckResult>>();
  readonly adapters: Record<string, Adapter> = {};
  readonly #tiles: TileTable | undefined;

  /** The kernels use the tiles of the table; without one, the portable tiles. */
  constructor(tiles?: TileTable) {
    this.#tiles = tiles;
  }

  /**
   * Returns a backend. Throws an Error with the reason if it does not exist in this float type or on this machine, and `UsageError`
   * if the table of tiles is not for its adapter.
   */
  async backend(name: string, dtype: DType): Promise<Backend<unknown>> {
    const entry = backendNamed(name);
    if (!entry.dtypes.includes(dtype))
      throw new Refusal(`${name} has no ${dtype}; it computes in ${entry.dtypes.join(" and ")}`);
    const key = `${name} ${dtype}`;
    const opening = this.#opened.get(key) ?? open(entry, dtype);
    this.#opened.set(key, opening);
    const backend = await opening;
    if ("unavailable" in backend) throw new Refusal(backend.unavailable);
    useTilesOn(backend, this.#tiles);
    const adapter = await adapterOf(name, backend);
    if (adapter) this.adapters[name] = adapter;
    return backend;
  }

  /**
   * Returns a mechanism on a backend with its input, and the check of every entry of two short blocks, which is made once. The
   * input is not rounded: every float type holds it.
   */
  async subject(
    choice: Choice,
    name: string,
    dtype: DType,
    sequence: Sequence,
  ): Promise<{ s: Subject; checked: CheckResult }> {
    const backend = await this.backend(name, dtype);
    const short = drawn({ B: 1, H: 2, d: sequence.d, length: CHECKED }, 7);
    const s = await subject(choice, backend, name, short, "prefer");
    const key = `${s.id} d=${sequence.d}`;
    const checking = this.#checked.get(key) ?? checkOracle(s);
    this.#checked.set(key, checking);
    return { s: { ...s, sequence }, checked: await checking };
  }
}
