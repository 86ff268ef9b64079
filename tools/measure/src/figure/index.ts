/** Figures as data, and how they are drawn. */
export { draw, type Layout } from "./draw.ts";
export type * from "./figure.ts";
export { swatch } from "./legend.ts";
export { type SeriesStyle, SHEET, stylesOf } from "./style.ts";
export { escapeXml } from "./text.ts";
