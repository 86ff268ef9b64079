import type { Values } from "@attnkit/papers";
import type { Job } from "@attnkit/papers/run";

/** What the process of a run sends to a child: the next job. To end a child, it disconnects. */
export type ToChild = Job;

/** What a child sends: the finished share of its job, or its end. */
export type FromChild =
  | { readonly share: number }
  | { readonly values: Values; readonly seconds: number }
  | { readonly error: string; readonly seconds: number };
