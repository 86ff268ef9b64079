import { Remembered } from "@attnkit/core/backend";
import { describe, expect, test } from "vitest";

describe("Remembered", () => {
  test("makes each value once, and forgets the one that was used longest ago", () => {
    const gone: string[] = [];
    const made: string[] = [];
    const map = new Remembered<string, string>(2, (value) => gone.push(value));
    const get = (key: string) =>
      map.get(key, () => {
        made.push(key);
        return key.toUpperCase();
      });
    expect([get("a"), get("b"), get("a"), get("c"), get("a"), get("a")]).toEqual(["A", "B", "A", "C", "A", "A"]);
    expect(made).toEqual(["a", "b", "c"]);
    expect(gone).toEqual(["B"]);
    get("b");
    expect(made).toEqual(["a", "b", "c", "b"]);
    expect(gone).toEqual(["B", "C"]);
  });

  test("keeps nothing of a value that cannot be made, and makes it again", () => {
    const map = new Remembered<string, number>(2);
    const failing = () => {
      throw new Error("no");
    };
    expect(() => map.get("a", failing)).toThrow("no");
    expect(map.get("a", () => 1)).toBe(1);
  });

  test("undefined is a value like others", () => {
    const map = new Remembered<string, undefined>(1);
    let made = 0;
    for (const key of ["a", "a"]) map.get(key, () => void made++);
    map.get("b", () => undefined);
    map.get("a", () => void made++);
    expect(made).toBe(2);
  });
});
