/** What an exported race is; `results.ts` says what is in it. Apart from that, so that the page need not load a validator. */
export const SCHEMA = "attnkit-race/1";
