/** The flags of `attnkit conform`, parsed. */
export interface Flags {
  readonly backend?: string;
  readonly dtype?: string;
  readonly mechanism?: string;
  readonly options?: Record<string, unknown>;
  readonly law?: string;
  readonly case?: number;
  readonly seed: number;
  readonly vectors?: string[];
  readonly json?: string;
  readonly markdown?: string;
  readonly badge?: string;
  readonly expected?: string;
  readonly kernel?: string;
  readonly compare?: string[];
}
