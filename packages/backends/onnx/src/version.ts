/** The version in package.json, which a browser cannot read. A test compares the two. */
export const VERSION = "0.1.0";
