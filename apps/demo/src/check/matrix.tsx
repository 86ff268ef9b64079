import type { CaseResult } from "@attnkit/core/conformance";
import type { JSX } from "preact";

interface Cell {
  readonly passed: number;
  readonly expected: number;
  readonly failed: number;
  /** Largest share of the error budget that a passing case used. */
  readonly used: number;
}

/** Laws down, mechanisms across; over all option sets of a mechanism. */
export function Matrix({ cases }: { readonly cases: readonly CaseResult[] }): JSX.Element {
  const columns = [...new Set(cases.map(({ mechanism }) => mechanism))];
  const cells = new Map<string, Cell>();
  const laws = new Map<string, string>();
  for (const result of cases) {
    laws.set(result.law, result.rules);
    const at = `${result.law} ${result.mechanism}`;
    cells.set(at, add(cells.get(at), result));
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="scroll-x matrix" aria-label="Laws by mechanisms" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">law</th>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name === "ops" ? "operations" : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...laws].map(([law, rules]) => (
            <tr key={law}>
              <th scope="row">
                {law} <span class="soft">{rules}</span>
              </th>
              {columns.map((name) => (
                <CellOf key={name} cell={cells.get(`${law} ${name}`)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function CellOf({ cell }: { readonly cell: Cell | undefined }): JSX.Element {
  if (!cell) return <td class="none" />;
  const { passed, expected, failed, used } = cell;
  const share = used > 0 ? `${Math.max(1, Math.round(100 * used))} %` : "";
  return (
    <td class={failed ? "fail" : expected && !passed ? "expected" : "pass"}>
      {failed > 0 && <strong>{failed} failed </strong>}
      {passed > 0 && <span>{passed} ok</span>}
      {expected > 0 && <span> {expected} expected</span>}
      <span class="soft budget">{share}</span>
    </td>
  );
}

function add(cell: Cell = { passed: 0, expected: 0, failed: 0, used: 0 }, { status, used }: CaseResult): Cell {
  if (status === "pass") return { ...cell, passed: cell.passed + 1, used: Math.max(cell.used, used) };
  if (status === "expected-failure") return { ...cell, expected: cell.expected + 1 };
  return { ...cell, failed: cell.failed + 1 };
}
