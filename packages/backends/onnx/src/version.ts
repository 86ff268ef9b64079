/** As in package.json, which a browser cannot read; a test compares them, and says so when a release changes one. */
export const VERSION = "0.0.0";
