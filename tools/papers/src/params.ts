/** The settings of one cell, which a seed completes. Names and values appear as columns of the table. */
export type Params = Readonly<Record<string, string | number | boolean>>;

/** The measurements of one cell, by column. NaN stands for "training diverged" and nothing else. */
export type Values = Readonly<Record<string, number>>;
