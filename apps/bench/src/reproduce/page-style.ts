/** The style sheet of the report's page. Figures bring their own. */
export const STYLE = `
:root { --page: #ffffff; --text: #1c1e21; --soft: #545d69; --line: #dfe3e8; --head: #f3f5f8; --good: #00734f; --bad: #b3261e; --open: #7a5900; --link: #00599c; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --text: #e6e9ed; --soft: #a3adb9; --line: #2d333b; --head: #1c2127; --good: #2fd3a0; --bad: #ff8d84; --open: #e8c547; --link: #7cc4ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 28px; margin: 0 0 8px; }
h2 { font-size: 22px; margin: 48px 0 4px; }
h3 { font-size: 18px; margin: 40px 0 8px; padding-top: 16px; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
p, li, blockquote { max-width: 76ch; overflow-wrap: anywhere; }
a { color: var(--link); }
blockquote { margin: 12px 0; padding: 2px 0 2px 14px; border-left: 3px solid var(--line); }
blockquote p { margin: 4px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0; }
dt, .note, figcaption, .source { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.note, figcaption, .source { font-size: 14px; }
.supported { color: var(--good); } .not-supported { color: var(--bad); } .open { color: var(--open); }
figure { margin: 16px 0; }
figcaption { max-width: 76ch; }
.scroll { overflow: auto; max-height: 70vh; border: 1px solid var(--line); border-radius: 6px; }
figure .scroll { max-height: none; border: 0; }
table { border-collapse: separate; border-spacing: 0; min-width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
th { background: var(--head); font-weight: 600; white-space: nowrap; position: sticky; top: 0; }
td { white-space: nowrap; }
.verdicts td { white-space: normal; min-width: 9ch; }
.text { text-align: left; }
pre { overflow-x: auto; background: var(--head); padding: 10px 14px; border-radius: 6px; font-size: 13.5px; }
svg { display: block; }
@media (max-width: 600px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } h1 { font-size: 24px; } }
`;
