import { nearestName } from "@attnkit/core/program";
import type { Experiment } from "@attnkit/papers";
import type { Chosen } from "@attnkit/papers/run";
import { UsageError } from "../io.ts";

/**
 * Returns the claims of the named experiments, all experiments if none is named. `claims` restricts them to these names,
 * written as `claim` or `experiment/claim`. Throws `UsageError` for a name that does not exist.
 */
export function choose(
  experiments: readonly Experiment[],
  names: readonly string[],
  claims: readonly string[] | undefined,
): Chosen[] {
  const known = experiments.map(({ name }) => name);
  for (const name of names) if (!known.includes(name)) throw unknown(name, "experiment", name, known);
  const wanted = names.length === 0 ? experiments : experiments.filter(({ name }) => names.includes(name));
  const all = wanted.flatMap((experiment) => experiment.claims.map((claim) => ({ experiment, claim })));
  if (all.length === 0) throw new UsageError(names.join(", ") || "attnkit reproduce", "there is no claim to measure");
  if (!claims) return all;
  const matches = ({ experiment, claim }: Chosen, name: string) =>
    name === claim.name || name === `${experiment.name}/${claim.name}`;
  for (const name of claims)
    if (!all.some((chosen) => matches(chosen, name)))
      throw unknown("--claim", "claim", name, [...new Set(all.map(({ claim }) => claim.name))]);
  return all.filter((chosen) => claims.some((name) => matches(chosen, name)));
}

function unknown(who: string, what: string, name: string, known: readonly string[]): UsageError {
  const meant = nearestName(name, known);
  const hint = meant ? `; did you mean ${meant}?` : "";
  return new UsageError(who, `there is no ${what} ${JSON.stringify(name)}; expected ${known.join(", ")}${hint}`);
}
