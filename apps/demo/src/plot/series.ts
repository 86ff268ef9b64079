import { mechanisms } from "@attnkit/catalog/mechanisms";

/** How many series colours the page's style defines, as `--series-1` and so on. */
const COLOURS = 5;

/** Colour of a mechanism, the same in every plot and table of the page. */
export const colourOf = (mechanism: string): number =>
  (mechanisms.findIndex((m) => m.name === mechanism) % COLOURS) + 1;
