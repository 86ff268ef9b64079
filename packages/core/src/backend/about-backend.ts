import type { DType } from "../program/ops.ts";
import type { Backend } from "./backend.ts";

/**
 * All that the tools of this repository know of one way to make a backend, such as `tfjs-wasm`. The command line, the
 * conformance suite and the bench read it. A package exports a list of them as `about` from its entry `./about`.
 */
export interface AboutBackend {
  readonly name: string;
  /** `Backend.kind` and `Backend.hosts` of the backends that it makes. Kernels are chosen by them. */
  readonly kind: string;
  readonly hosts?: readonly string[];
  /** The float types it can be made with, the default first. */
  readonly dtypes: readonly DType[];
  /** Where it can be made: in Node, in a page, or in both. */
  readonly places: readonly ("node" | "browser")[];
  /** The implementations that its tests run on, if there are several: `"Dawn (Node)"`. Default: its places. */
  readonly testedOn?: readonly string[];
  /** It shares a global with others (tfjs has one engine): tests give it a file of its own, the command line runs it when named. */
  readonly alone?: boolean;
  /** `create` takes a number of threads for one operation; without this field, a backend chooses the number itself. */
  readonly threads?: true;
  /** Rejects with `ATTN_OPTION` if `dtype` is not declared. */
  create(how?: { dtype?: DType; threads?: number }): Promise<Backend<unknown>>;
}
