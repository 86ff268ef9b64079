/** The style sheet of the report's page. Figures bring their own. */
export const STYLE = `
:root {
  --page: #ffffff; --text: #1c1e21; --soft: #545d69; --line: #dfe3e8; --head: #f3f5f8; --bad: #b3261e; --link: #00599c;
  --shade: rgb(28 30 33 / 28%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --text: #e6e9ed; --soft: #a3adb9; --line: #2d333b; --head: #1c2127; --bad: #ff8d84; --link: #7cc4ff;
    --shade: rgb(0 0 0 / 80%);
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 28px; margin: 0 0 8px; }
h2 { font-size: 21px; margin: 44px 0 6px; }
p, li { max-width: 80ch; overflow-wrap: anywhere; }
a { color: var(--link); }
.headline { font-size: 17px; padding-left: 20px; margin: 12px 0 20px; }
.headline li { margin: 4px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0 20px; font-size: 15px; }
dt, figcaption, .note, .take, .notes { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
figcaption, .note, .take, .notes { font-size: 14px; }
.take { margin: 4px 0 0; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; padding: 0; margin: 10px 0 0; font-size: 14px; }
.cell svg { margin-right: 8px; vertical-align: -1px; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 358px), 1fr)); gap: 12px 24px; align-items: end; }
figure { margin: 0; min-width: 0; }
figure > svg { display: block; max-width: 100%; height: auto; overflow: visible; }
.scroll {
  overflow: auto; max-height: 75vh; border: 1px solid var(--line); border-radius: 6px; margin-top: 10px;
  background:
    linear-gradient(to left, var(--page) 50%, transparent) right / 40px 100%,
    linear-gradient(to left, var(--shade), transparent) right / 18px 100%,
    linear-gradient(to top, var(--page) 50%, transparent) bottom / 100% 40px,
    linear-gradient(to top, var(--shade), transparent) bottom / 100% 14px;
  background-repeat: no-repeat;
  background-attachment: local, scroll, local, scroll;
}
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
table { border-collapse: separate; border-spacing: 0; min-width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { background: var(--head); font-weight: 600; position: sticky; top: 0; z-index: 1; }
th:first-child { position: sticky; left: 0; z-index: 1; border-right: 1px solid var(--line); text-align: left; }
thead th:first-child { z-index: 2; }
tbody th { background: var(--page); font-weight: 400; }
td.text, th.text { text-align: left; }
td.long { white-space: normal; min-width: 28ch; }
strong { color: var(--bad); }
.notes li { margin: 6px 0; }
@media (max-width: 700px) {
  h1 { font-size: 24px; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: 6px; }
  .headline { font-size: 16px; }
  tbody th, thead th:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 116px; max-width: 38vw; }
}
@media print { .scroll { max-height: none; overflow: visible; } .take { display: none; } }
`;
