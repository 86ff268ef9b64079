/** The version in package.json, which a browser cannot read. A test compares the two. */
export const VERSION = "0.1.0";

/**
 * The oldest ONNX Runtime that is accepted, as in package.json: a test compares the two. In 1.20 the provider `cpu`
 * computes `Exp` of float64 wrongly where two or more numbers are below -709: it returns 5.6e-309 instead of 0. A row in
 * which every key is masked then has outputs that are not 0.
 */
export const OLDEST_RUNTIME = "1.21.0";

/** Returns whether version `a` precedes version `b`: digits are compared as numbers. */
export const isOlder = (a: string, b: string): boolean => a.localeCompare(b, "en", { numeric: true }) < 0;
