import type { Values } from "@attnkit/papers";
import type { Job } from "@attnkit/papers/run";

/** The message of the run to a child: its next job. To end a child, it disconnects. */
export type ToChild = Job;

/** The message of a child: the finished share of its job, or its end. */
export type FromChild =
  | { readonly share: number }
  | { readonly values: Values; readonly seconds: number }
  | { readonly error: string; readonly seconds: number };
