import type { CaseResult } from "@attnkit/core/conformance";
import type { JSX } from "preact";
import { lineOf, linkOf } from "./replay.ts";

/** Every case that did not do what it should, with the line that runs it again. */
export function Failures({ cases }: { readonly cases: readonly CaseResult[] }): JSX.Element | null {
  const failed = cases.filter(({ status }) => status === "fail" || status === "unexpected-pass");
  if (failed.length === 0) return null;
  return (
    <section class="failures">
      <h2>Failed</h2>
      {failed.map((result) => (
        <Failure key={`${result.mechanism} ${result.options} ${result.law} ${result.case}`} result={result} />
      ))}
    </section>
  );
}

function Failure({ result }: { readonly result: CaseResult }): JSX.Element {
  const { mechanism, options, law, title, error = "" } = result;
  const line = lineOf(error);
  return (
    <article class="card">
      <h3>
        {mechanism} {options === "{}" ? "" : <code>{options}</code>}: {law}, {title}
      </h3>
      <pre>{error.replace(/\nreplay: .*$/, "")}</pre>
      {line && (
        <p class="replay">
          <code>{line}</code> <a href={linkOf(line, location.href)}>Run this case again</a>
        </p>
      )}
    </article>
  );
}
