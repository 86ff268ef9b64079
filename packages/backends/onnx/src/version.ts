/** As in package.json, which a browser cannot read; `pnpm changeset version` is followed by a test that compares them. */
export const VERSION = "0.0.0";
