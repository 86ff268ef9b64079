export { badge } from "./badge.ts";
export { isLawBroken, LawBroken } from "./checker.ts";
export { type ComparedCase, type Comparison, compareReports, comparisonMarkdown } from "./compare.ts";
export { type ExpectedFailure, lawNames, readExpectedFailures } from "./expected-failures.ts";
export type { Host } from "./host.ts";
export type { Row } from "./lab.ts";
export { type HostBlock, type OracleCall, type OracleResult, oracle, type Past } from "./oracle.ts";
export { overview, type Totals, totals } from "./overview.ts";
export { type Random, random } from "./random.ts";
export { filterOf, type Replay, type ReplayCase, replayByName } from "./replay.ts";
export { type CaseResult, markdown, type Report } from "./report.ts";
export { conformance, type RunOptions, runConformance } from "./run.ts";
export type { Runner } from "./runner.ts";
export {
  type Filter,
  type Item,
  optionsText,
  plan,
  type Selection,
  type Subject,
} from "./suite.ts";
export { A, allowance, B, unitRoundoff } from "./tolerance.ts";
export { readVectors, type VectorCase, type VectorFile, writeVectors } from "./vectors/format.ts";
export { floatTypeOf, runVectors, type VectorResult, type VectorSubject } from "./vectors/run.ts";
export type { EncodedTensor, VectorTensor } from "./vectors/tensor.ts";
