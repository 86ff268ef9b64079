/**
 * The schema name of an exported race; `results.ts` defines its content. It has its own file, so that the page does not
 * load a validator.
 */
export const SCHEMA = "attnkit-race/1";
