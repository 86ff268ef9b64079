import type { CaseResult, Report } from "./report.ts";

/** One case of one backend, as a sentence names it. */
export interface ComparedCase extends Pick<CaseResult, "law" | "mechanism" | "options" | "case" | "title" | "error"> {
  /** Name and float type of the backend: `"cpu float32"`. */
  readonly backend: string;
}

/** The differences between two runs of the suite. */
export interface Comparison {
  /** Failed now and passed, failed as expected, or did not exist before. */
  readonly newlyFailing: readonly ComparedCase[];
  /** Passed now and did not pass before. */
  readonly newlyPassing: readonly ComparedCase[];
  /** Ran now alone. A new case that fails is in `newlyFailing` too. */
  readonly appeared: readonly ComparedCase[];
  /** Ran before alone. */
  readonly vanished: readonly ComparedCase[];
  /** The number of cases that both ran. */
  readonly common: number;
  /** False if one of the reports comes from a run that was stopped: cases may then be missing from it. */
  readonly complete: boolean;
}

/**
 * Compares two runs, each of one or several backends. A case is recognised by backend, float type, mechanism, options, law
 * and title. Its number may change when a law gets another case.
 */
export function compareReports(before: readonly Report[], after: readonly Report[]): Comparison {
  const [old, now] = [byIdentity(before), byIdentity(after)];
  const both = [...now].filter(([id]) => old.has(id));
  const statusWas = (id: string) => old.get(id)?.status;
  const pick = (all: Iterable<[string, Found]>, keep: (id: string, found: Found) => boolean) =>
    [...all].filter(([id, found]) => keep(id, found)).map(([, found]) => found.shown);
  return {
    newlyFailing: pick(now, (id, { status }) => isBad(status) && !isBad(statusWas(id))),
    newlyPassing: pick(both, (id, { status }) => status === "pass" && statusWas(id) !== "pass"),
    appeared: pick(now, (id) => !old.has(id)),
    vanished: pick(old, (id) => !now.has(id)),
    common: both.length,
    complete: [...before, ...after].every((report) => report.complete),
  };
}

/** The comparison as Markdown: the numbers, then each case of a list that is not empty. */
export function comparisonMarkdown(comparison: Comparison): string {
  const { newlyFailing, newlyPassing, appeared, vanished, common, complete } = comparison;
  const lists = [
    ["newly failing", newlyFailing],
    ["newly passing", newlyPassing],
    ["appeared", appeared],
    ["vanished", vanished],
  ] as const;
  const numbers = lists.map(([name, cases]) => `${cases.length} ${name}`).join(", ");
  return [
    "# Conformance compared",
    "",
    `${common} cases in both reports; ${numbers}.`,
    ...(complete ? [] : ["One of the runs was stopped before its last case, so cases may be missing."]),
    ...lists.flatMap(([name, cases]) =>
      cases.length === 0 ? [] : ["", `## ${name[0]!.toUpperCase()}${name.slice(1)}`, "", ...cases.flatMap(lines)],
    ),
    "",
  ].join("\n");
}

function lines({ backend, mechanism, options, law, case: n, title, error }: ComparedCase): string[] {
  const who = options === "{}" ? mechanism : `${mechanism} \`${options}\``;
  const why = error === undefined ? [] : ["", ...error.split("\n").map((line) => `      ${line}`), ""];
  return [`- ${backend}, ${who}: ${law} ${n}, ${title}`, ...why];
}

interface Found {
  readonly status: CaseResult["status"];
  readonly shown: ComparedCase;
}

const isBad = (status: CaseResult["status"] | undefined): boolean => status === "fail" || status === "unexpected-pass";

/** The cases of reports by what identifies them. Equal titles of one law are told apart by their order. */
function byIdentity(reports: readonly Report[]): Map<string, Found> {
  const all = new Map<string, Found>();
  for (const { backend, cases } of reports) {
    const name = `${backend.name} ${backend.dtype}`;
    for (const { law, mechanism, options, case: n, title, status, error } of cases) {
      const id = (count: number) => JSON.stringify([name, mechanism, options, law, title, count]);
      let count = 0;
      while (all.has(id(count))) count++;
      const failure = isBad(status) && error !== undefined ? { error } : {};
      all.set(id(count), { status, shown: { backend: name, law, mechanism, options, case: n, title, ...failure } });
    }
  }
  return all;
}
