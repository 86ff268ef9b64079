/** A figure as data. `attnkit reproduce` draws it as SVG and puts it into the report. */
export type * from "@attnkit/measure/figure";
