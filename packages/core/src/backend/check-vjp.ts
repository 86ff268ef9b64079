import type { Tensors } from "../program/block.ts";
import { AttentionError } from "../program/errors.ts";
import type { Backend } from "./backend.ts";
import { describeValue, requireFunction } from "./describe.ts";
import { shapeOfEntry } from "./given.ts";

type Reads<T> = Pick<Backend<T>, "name" | "shape" | "boolean">;

/**
 * Checks the arguments of `Backend.vjp`. Throws `ATTN_OPTION` on what is no program, record or list, `ATTN_DATA` on what is
 * no tensor of the backend or a boolean seed, `ATTN_SHAPE` on a name in `wrt` that `x` does not have.
 */
export function checkVjp<T>(
  backend: Reads<T>,
  program: unknown,
  x: Tensors<T>,
  seeds: Tensors<T>,
  wrt: readonly string[],
): void {
  const who = `vjp on ${backend.name}`;
  const fail = (
    code: "ATTN_OPTION" | "ATTN_DATA" | "ATTN_SHAPE",
    rule: string,
    got: unknown,
    expected: string,
  ): never => {
    throw new AttentionError(code, who, `${rule}; got ${describeValue(got)}, expected ${expected}`);
  };
  requireFunction(who, "program", program);
  for (const [name, tensors] of Object.entries({ x, seeds })) {
    if (Object.prototype.toString.call(tensors) !== "[object Object]")
      fail("ATTN_OPTION", `${name} must be a record of tensors`, tensors, "{ name: tensor }");
    for (const entry of Object.keys(tensors)) shapeOfEntry(who, backend, tensors[entry]!, entry, `${name}.`);
  }
  for (const entry of Object.keys(seeds))
    if (backend.boolean?.(seeds[entry]!)) fail("ATTN_DATA", `seeds.${entry} must be floats`, true, "a float tensor");
  if (!Array.isArray(wrt))
    fail("ATTN_OPTION", "wrt must be a list of names of x", wrt, `["${Object.keys(x)[0] ?? "q"}"]`);
  for (const name of wrt as readonly unknown[])
    if (typeof name !== "string" || !Object.hasOwn(x, name)) {
      const got = typeof name === "string" ? name : describeValue(name);
      throw new AttentionError(
        "ATTN_SHAPE",
        who,
        `wrt names no input ${got}; got ${got}, expected names of x: ${Object.keys(x).join(", ")}`,
      );
    }
}
