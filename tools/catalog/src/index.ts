import type { AboutBackend } from "@attnkit/core/backend";
import type { ExpectedFailure } from "@attnkit/core/conformance";
import { requireOneOf } from "@attnkit/core/program";
import * as list from "./backend-list.ts";

export { type Adapter, adapterOf } from "./adapter.ts";
export { creator, type MechanismEntry, mechanisms } from "./mechanisms.ts";
export { ortRuntime } from "./ort.ts";
export { tfjsOn } from "./tfjs.ts";

/** One column of the matrix. */
export interface BackendEntry extends AboutBackend {
  /** Known failures with their reasons. A pass against expectation is a failure. */
  readonly expectedFailures?: readonly ExpectedFailure[];
}

/** Every backend of `backend-list.ts`, ordered by the names there. */
export const backends: readonly BackendEntry[] = Object.entries(list)
  .sort(([a], [b]) => a.localeCompare(b))
  .flatMap(([, entries]) => entries)
  .map((entry) => ({
    ...entry,
    /** Throws `ATTN_OPTION` if the entry does not declare the float type. */
    async create(how) {
      const { dtype = entry.dtypes[0] } = how ?? {};
      requireOneOf(entry.name, "dtype", dtype, entry.dtypes);
      return entry.create(how);
    },
  }));
