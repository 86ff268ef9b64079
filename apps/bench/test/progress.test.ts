import { expect, test } from "vitest";
import { progress } from "../src/report/progress.ts";

function said(columns: number): string {
  let err = "";
  const io = {
    out() {},
    err(text: string) {
      err += text;
    },
    columns,
    cwd: "",
    signal: new AbortController().signal,
  };
  const shown = progress(io);
  shown.step("timing", "one");
  shown.step("timing", "two");
  shown.note("careful");
  shown.step("writing", "three");
  shown.stop();
  return err;
}

test("a log gets one line for each stage", () => {
  expect(said(0)).toBe("timing ...\ncareful\nwriting ...\n");
});

test("a terminal gets one line, written over, no wider than it is", () => {
  const clear = "\r\u001b[K";
  expect(said(80)).toBe(`${clear}timing: one${clear}timing: two${clear}careful\n${clear}writing: three${clear}`);
  expect(said(8)).toContain(`${clear}timing:${clear}`);
});
