/**
 * The report's style sheet. The series colours are those of Okabe and Ito (2008), which colour-blind readers can tell
 * apart, and lighter variants for dark pages.
 */
export const STYLE = `
:root {
  --page: #ffffff; --text: #1c1e21; --soft: #5b6470; --line: #dfe3e8; --head: #f5f7f9;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b0468f; --c4: #a67c00;
  --c5: #3f9fd8; --c6: #7a4fbf; --c7: #8c6d46; --c8: #5b6470; --c9: #c2374a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --text: #e6e9ed; --soft: #9aa4b0; --line: #2d333b; --head: #1c2127;
    --c0: #56b4e9; --c1: #ff8f4a; --c2: #2fd3a0; --c3: #e58fc8; --c4: #e8c547;
    --c5: #8fd0ff; --c6: #b79cf0; --c7: #cfae84; --c8: #aab4c0; --c9: #ff7a8a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; margin: 0 0 12px; }
h2 { font-size: 19px; margin: 36px 0 8px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 20px; }
dt, figcaption, .note { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; list-style: none; padding: 10px 0; margin: 0; position: sticky; top: 0; background: var(--page); border-bottom: 1px solid var(--line); }
@media (max-width: 700px) { .legend { position: static; } }
.cell { white-space: nowrap; }
.cell svg { margin-right: 8px; vertical-align: middle; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 540px), 1fr)); gap: 8px 36px; }
figure { margin: 0; min-width: 0; }
figure h2 { margin-top: 24px; }
figure > svg { width: 100%; height: auto; color: var(--soft); overflow: visible; }
figcaption, .note { font-size: 13.5px; max-width: 80ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px; text-align: right; border-bottom: 1px solid var(--line); }
th { background: var(--head); font-weight: 600; white-space: nowrap; }
th:first-child, td:first-child, .text { text-align: left; }
strong { color: var(--c9); }
`;
