/** The page's style sheet. Colours are said once, for light and for dark; on paper there are none. */
export const style = `
:root {
  --paper: #f4f6f8; --card: #fff; --ink: #16222e; --soft: #5b6b7a; --line: #dfe5ea; --code: #eef2f5;
  --pass: #127a54; --warn: #a86400; --fail: #c02626; --error: #6a4bc4; --bar: #2b7a9e; --bar2: #8fb9c9;
  --sea1: #0e3a53; --sea2: #14607a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e151c; --card: #161f28; --ink: #e6edf3; --soft: #93a4b3; --line: #263340; --code: #0f171f;
    --pass: #3fbf8c; --warn: #e0a33a; --fail: #f0706a; --error: #a48bf0; --bar: #4aa3c7; --bar2: #2f5d70;
    --sea1: #0b2536; --sea2: #0f4156;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
h1, h2, h3, p, ul, ol, dl, dd, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
.wide { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
.icon { width: 1.25rem; height: 1.25rem; flex: none; fill: currentColor; }
.icon .mark { fill: none; stroke: var(--card); stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round; }
.icon.pass { color: var(--pass); } .icon.warn { color: var(--warn); }
.icon.fail { color: var(--fail); } .icon.error { color: var(--error); }

.hero { background: linear-gradient(160deg, var(--sea1), var(--sea2)); color: #fff; padding: 1.5rem 0 1.75rem; border-top: 6px solid var(--edge); }
.hero.pass { --edge: #37c48d; } .hero.warn { --edge: #f0b23e; } .hero.fail { --edge: #ff6b5e; } .hero.error { --edge: #b39bff; }
.brand { font-weight: 650; letter-spacing: .01em; }
.brand span { font-weight: 400; opacity: .85; }
.verdict { display: flex; align-items: center; gap: 1.1rem; margin: 1.5rem 0 .75rem; }
.verdict .icon { width: 3.5rem; height: 3.5rem; color: var(--edge); }
.verdict .icon .mark { stroke: var(--sea1); }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.15; font-weight: 700; letter-spacing: -.015em; }
.verdict p { opacity: .9; margin-top: .2rem; }
.address { font-size: .9rem; } .address span { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .85rem; opacity: .85; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .9rem 1.5rem; margin-top: 1.4rem; padding-top: 1.2rem; border-top: 1px solid #ffffff2e; }
.figures dt { font-size: .72rem; text-transform: uppercase; letter-spacing: .07em; opacity: .85; }
.figures dd { font-weight: 600; }
.figures small { display: block; font-weight: 400; font-size: .85rem; opacity: .85; }

main.wide { padding-top: 1.6rem; }
section { margin-bottom: 2.25rem; }
h2 { font-size: 1.15rem; font-weight: 680; margin-bottom: .8rem; letter-spacing: -.005em; }
h2 small { font-size: .82rem; font-weight: 400; color: var(--soft); letter-spacing: 0; margin-left: .4rem; }
.card, .finding, .list, .tables, .timeline { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; }

.checks { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem; }
.card { padding: .85rem 1rem; }
.card.warn, .card.fail, .card.error { border-color: currentColor; }
.card.warn { color: var(--warn); } .card.fail { color: var(--fail); } .card.error { color: var(--error); }
.card p { color: var(--soft); font-size: .86rem; line-height: 1.4; margin-top: .4rem; }
.cardhead { display: flex; align-items: center; gap: .5rem; color: var(--ink); }
.ms { margin-left: auto; color: var(--soft); font-size: .8rem; white-space: nowrap; }

.findings { display: grid; gap: .7rem; }
.finding { display: flex; gap: .9rem; padding: 1rem 1.1rem; border-left-width: 4px; }
.finding.warn { border-left-color: var(--warn); } .finding.fail { border-left-color: var(--fail); } .finding.error { border-left-color: var(--error); }
.finding > div { min-width: 0; flex: 1; }
.finding .icon { margin-top: .15rem; }
.tag { font-size: .78rem; color: var(--soft); }
.message { font-weight: 560; }
.remedy { margin-top: .55rem; display: flex; gap: .6rem; align-items: baseline; }
.remedy b { font-size: .78rem; font-weight: 400; color: var(--soft); flex: none; }
.remedy p { font-size: .92rem; }
.remedy code, pre { background: var(--code); border-radius: .35rem; white-space: pre-wrap; font-size: .82rem; }
.remedy code { padding: .12rem .35rem; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.remedy pre { padding: .35rem .6rem; }
details summary { cursor: pointer; color: var(--soft); font-size: .82rem; margin-top: .55rem; }
details pre { padding: .6rem .8rem; margin-top: .4rem; overflow-x: auto; }

.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 1.5rem; align-items: start; }
.tables { padding: .4rem 1.1rem; }
.table { padding: .8rem 0; }
.table + .table { border-top: 1px solid var(--line); }
h3 { font-size: .95rem; font-weight: 620; margin-bottom: .3rem; }
.bar { display: grid; grid-template-columns: 2.6rem 1fr 6.2rem; align-items: center; gap: .6rem; font-size: .84rem; }
.bar span { color: var(--soft); }
.bar i { display: block; height: .55rem; border-radius: .3rem; background: var(--code); }
.bar b { display: block; height: 100%; border-radius: .3rem; background: var(--bar); }
.bar.size b { background: var(--bar2); }
.bar em { font-style: normal; text-align: right; font-variant-numeric: tabular-nums; }

.timeline { padding: 1rem 1.1rem .3rem; }
.timeline li { position: relative; padding: 0 0 1.1rem 1.7rem; }
.timeline li::before { content: ""; position: absolute; left: .42rem; top: 1rem; bottom: -.35rem; width: 2px; background: var(--line); }
.timeline li:last-child::before { display: none; }
.timeline li::after { content: ""; position: absolute; left: 0; top: .32rem; width: .95rem; height: .95rem; border-radius: 50%; background: var(--pass); border: 3px solid var(--card); box-shadow: 0 0 0 2px var(--pass); transform: scale(.8); }
.timeline li.open::after { background: var(--card); box-shadow: 0 0 0 2px var(--soft); }
.timeline li.fail::after { background: var(--fail); box-shadow: 0 0 0 2px var(--fail); border-radius: 3px; }
.timeline .when, .timeline .how { font-size: .82rem; color: var(--soft); }
.timeline li.fail .how, .timeline li.fail .when { color: var(--fail); }
.timeline code { color: var(--soft); white-space: nowrap; }
.earlier { margin-bottom: .6rem; }

.list li { display: flex; gap: .8rem; align-items: flex-start; padding: .75rem 1.1rem; }
.list li + li { border-top: 1px solid var(--line); }
.list .icon { margin-top: .15rem; }
.list .main { flex: 1; min-width: 0; }
.list .main span, .list .side span { color: var(--soft); font-size: .86rem; }
.list .main code { display: block; color: var(--soft); }
.list .side { text-align: right; max-width: 45%; }
.list .side b, .list .side span { display: block; }
.runs .main span { display: block; }
.runs .main i, .side i { font-style: normal; }
.list.none { padding: .75rem 1.1rem; color: var(--soft); } .none b { color: var(--fail); }
.lead, .more { color: var(--soft); font-size: .9rem; margin-bottom: .6rem; }
.more { margin-top: .6rem; }
.strip { display: flex; gap: 3px; margin-bottom: .9rem; }
.strip li { flex: 1; max-width: 1.1rem; height: 1.9rem; border-radius: 3px; background: var(--pass); }
.strip li.warn { background: var(--warn); } .strip li.fail { background: var(--fail); } .strip li.error { background: var(--error); }
footer { color: var(--soft); font-size: .82rem; padding-bottom: 2.5rem; }

@media (max-width: 34rem) {
  body { font-size: 15px; }
  .wide { padding: 0 1rem; }
  .verdict .icon { width: 2.7rem; height: 2.7rem; }
  .checks { grid-template-columns: 1fr; gap: .55rem; }
  .finding { padding: .9rem; gap: .7rem; }
  .remedy { display: block; } .remedy > * { display: block; } .remedy pre { margin-top: .25rem; }
  .list li { padding: .7rem .9rem; flex-wrap: wrap; }
  .list .side { text-align: left; max-width: none; flex-basis: 100%; padding-left: 2.05rem; }
  .list .side b, .list .side span { display: inline; }
  .strip { gap: 2px; }
}

@page { margin: 10mm; }
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #333; --line: #999; --code: #fff; --pass: #000; --warn: #000; --fail: #000; --error: #000; --bar: #000; --bar2: #777; --sea1: #fff; --sea2: #fff; }
  html { font-size: 8.5pt; }
  body { font-size: 8pt; line-height: 1.3; }
  .wide { max-width: none; padding: 0 1px; }
  main.wide { padding-top: 1rem; }
  section { margin-bottom: 1rem; }
  h2 { margin-bottom: .4rem; break-after: avoid; }
  .hero { background: none; color: #000; border-top: 0; border-bottom: 2px solid #000; padding: 0 0 .6rem; --edge: #000 !important; }
  .verdict { margin: .6rem 0 .4rem; } .verdict .icon { width: 2.2rem; height: 2.2rem; }
  .figures { border-top-color: #999; margin-top: .6rem; padding-top: .6rem; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .5rem 1rem; }
  .checks { grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .5rem; }
  .card, .finding { padding: .5rem .7rem; }
  .card p { margin-top: .2rem; line-height: 1.3; }
  .pair { grid-template-columns: 2fr 5fr; gap: 0 1rem; } .list .main code { font-size: 6.5pt; }
  .table { padding: .3rem 0; } .tables { padding: .2rem .8rem; }
  .timeline { padding: .6rem .8rem 0; } .timeline li { padding-bottom: .3rem; } .timeline p { font-size: 7pt !important; } .timeline .what { margin-right: .3rem; } .timeline p { display: inline; }
  .list { font-size: 7.5pt; } .list li { padding: .25rem .8rem; align-items: center; } .list .side { white-space: nowrap; max-width: none; } .backups .side i { display: none; } .list .main code, .list .side b, .list .side span { display: inline; }
  .bar { grid-template-columns: 2.4rem 1fr 4rem; gap: .3rem; } .bar i { border: 1px solid #999; background: none; }
  .bar b, .icon, .icon .mark, .timeline li::after { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .remedy code, pre { border: 1px solid #999; }
  .strip, details:not([open]) { display: none; }
  .card, .finding, .list li, .timeline li, .table { break-inside: avoid; }
  /* A box that goes on on the next sheet has its borders whole on both. */
  .list, .tables, .timeline, .finding, .card, pre { -webkit-box-decoration-break: clone; box-decoration-break: clone; }
  footer { padding-bottom: 0; }
}
`;
