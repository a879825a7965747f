"""The frame of report.html: style and headings, with places for what `training.report_sections` fills in (`string.Template`).

The palette is that of Okabe and Ito (2008, Color Universal Design), which people with any kind of color vision can tell apart;
dark screens have its lighter half.
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Broadsheet evaluation</title>
<style>
:root { --paper: #fbfaf7; --card: #ffffff; --ink: #1d1d1b; --quiet: #5f5e5a; --line: #dedbd3; --base: #b9b4a8; --tint: #eaf2fb; --warm: #fdf3e1;
  --series-0: #0072b2; --series-1: #d55e00; --series-2: #009e73; --series-3: #cc79a7; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16171a; --card: #1e2024; --ink: #ecebe7; --quiet: #a5a49f; --line: #35373d; --base: #5d6068; --tint: #1b2a3a; --warm: #2e271b;
    --series-0: #56b4e9; --series-1: #e69f00; --series-2: #009e73; --series-3: #cc79a7; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 1.5rem clamp(.9rem, 4vw, 3rem) 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font: 700 clamp(1.5rem, 5vw, 2.2rem)/1.15 Georgia, "Noto Serif", serif; margin: 0 0 .3rem; }
h2 { font: 700 1.25rem/1.3 Georgia, "Noto Serif", serif; margin: 2.4rem 0 .6rem; border-top: 2px solid var(--ink); padding-top: .6rem; }
h3, h4 { font-size: 1rem; margin: 0; }
h2 ~ h3 { margin: 1rem 0 .5rem; }
h4 { font-size: .92rem; font-weight: 400; }
a { color: inherit; text-decoration-color: var(--series-0); text-underline-offset: .15em; }
.facts, .note, .where, .card p, figcaption { color: var(--quiet); font-size: .88rem; margin: .2rem 0; }
figcaption b { color: var(--ink); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .88rem; margin-top: .8rem; }
.cards, .examples, .plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); align-items: start; }
.cards { margin-top: 1.4rem; }
.examples { grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); align-items: stretch; }
.card, article, figure.plot { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; }
.card ul { list-style: none; margin: .5rem 0 0; padding: 0; }
.card li { display: grid; grid-template-columns: 1fr auto; font-size: .88rem; margin-top: .35rem; }
.card b { font-weight: 400; font-variant-numeric: tabular-nums; }
.card i { grid-column: 1 / -1; height: 8px; position: relative; }
.card i > span { position: absolute; left: 0; top: 0; height: 8px; border-radius: 2px; background: var(--base); min-width: 1px; }
.card i > .range { top: 3px; height: 2px; border-radius: 0; background: var(--ink); }
.card .model i > span:first-child { background: var(--series-0); }
.card .probe i > span:first-child { background: repeating-linear-gradient(135deg, var(--series-0) 0 3px, transparent 3px 6px); }
.card .model > span, .card .model b, tr.model td { font-weight: 700; }
.warnings { background: var(--warm); border-radius: 8px; padding: .2rem 1rem .6rem; margin-top: 1.4rem; font-size: .92rem; }
.warnings h2 { border: 0; margin: .4rem 0 0; padding: 0; font-size: 1.05rem; }
.warnings ul { margin: .3rem 0; padding-inline-start: 1.2rem; }
details { margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; font-size: .92rem; padding: .15rem 0; }
.systems dl { font-size: .88rem; display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .1rem .8rem; }
.systems dt, .systems dd { margin: 0; font-size: inherit; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .88rem; overflow-wrap: normal; }
th, td { padding: .3rem .6rem; text-align: start; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--ink); color: var(--quiet); font-weight: 600; vertical-align: bottom; }
tbody th { vertical-align: top; font-weight: 600; background: var(--card); position: sticky; left: 0; max-width: 34vw; white-space: normal;
  overflow-wrap: break-word; }
tr.first > * { border-top: 1px solid var(--line); }
tr.model td { background: var(--tint); }
tr.holds td { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
small { color: var(--quiet); font-weight: 400; font-size: .82em; }
td small { display: block; line-height: 1.2; }
.wide td { vertical-align: top; white-space: normal; overflow-wrap: anywhere; min-width: 4rem; }
.wide td.number { white-space: nowrap; }
.wide td:nth-last-child(3) { min-width: 10rem; }
.wide td:nth-last-child(2) { min-width: 14rem; }
table.matrix { width: auto; }
.matrix td { text-align: right; font-variant-numeric: tabular-nums; padding: .2rem .4rem; min-width: 2.8rem; border: 1px solid var(--line); }
.matrix td small { color: inherit; }
.matrix thead th { padding: .4rem .2rem; text-align: center; }
.matrix thead th span { writing-mode: vertical-rl; rotate: 180deg; max-height: 12rem; display: inline-block; text-align: start; }
.matrix tbody th { vertical-align: middle; max-width: none; overflow-wrap: normal; }
.matrix thead th:first-child, .matrix thead th:last-child { text-align: start; padding: .4rem .6rem; }
.right { background: color-mix(in srgb, var(--series-0) var(--share, 0%), transparent);
  outline: 2px solid var(--quiet); outline-offset: -2px; font-weight: 700; }
.wrong { background: color-mix(in srgb, var(--series-1) var(--share, 0%), transparent); }
dl { margin: .5rem 0 0; }
dt { color: var(--quiet); font-size: .8rem; }
dd { margin: 0 0 .5rem; }
.values { display: grid; gap: .2rem 1.6rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); margin-bottom: .8rem; }
code, pre { font-size: .85em; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem; max-height: 30rem; }
$plot_style
@media (max-width: 30rem) { .card, article, figure.plot { padding: .7rem .6rem; } }
</style>
</head>
<body>
<h1>Broadsheet evaluation</h1>
<p class="facts"><code>$checkpoint</code></p>
<p class="facts">$facts</p>
<nav aria-label="Sections">$contents</nav>
<div class="cards">$cards</div>
$systems
$notes
$tables
$confusion
$confidence
$comparison
$curves
$places
$mistakes
$examples
$trained
$repeat
</body>
</html>
"""
