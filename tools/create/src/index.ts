/** `npm create attnkit` as functions. */
export { type Created, create, type Project } from "./create.ts";
export { CreateError } from "./error.ts";
export type { AppTemplate, Kind } from "./kinds.ts";
