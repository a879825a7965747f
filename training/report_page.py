"""The frame of report.html: style and headings, with places for what `training.report` fills in (`string.Template`)."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Broadsheet evaluation</title>
<style>
:root { --paper: #fbfaf7; --card: #ffffff; --ink: #1d1d1b; --quiet: #5f5e5a; --line: #dedbd3; --model: #0b5cad; --base: #b9b4a8; --tint: #eaf2fb; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16171a; --card: #1e2024; --ink: #ecebe7; --quiet: #a5a49f; --line: #35373d; --model: #6db3f8; --base: #5d6068; --tint: #1b2a3a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(.9rem, 4vw, 3rem) 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font: 700 clamp(1.5rem, 5vw, 2.2rem)/1.15 Georgia, "Noto Serif", serif; margin: 0 0 .3rem; }
h2 { font: 700 1.25rem/1.3 Georgia, "Noto Serif", serif; margin: 2.4rem 0 .6rem; border-top: 2px solid var(--ink); padding-top: .6rem; }
h3 { font-size: 1rem; margin: 0; }
.facts, .note, .card p, footer { color: var(--quiet); font-size: .88rem; margin: .2rem 0; }
.cards, .examples { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); margin-top: 1.4rem; }
.examples { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.card, article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; }
.card ul { list-style: none; margin: .5rem 0 0; padding: 0; }
.card li { display: grid; grid-template-columns: 1fr auto; font-size: .88rem; margin-top: .35rem; }
.card i { grid-column: 1 / -1; height: 7px; border-radius: 2px; background: var(--base); min-width: 1px; }
.card b { font-weight: 400; font-variant-numeric: tabular-nums; }
.card .model i { background: var(--model); }
.card .model span, .card .model b, tr.model td { font-weight: 700; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: .88rem; overflow-wrap: normal; }
th, td { padding: .3rem .6rem; text-align: left; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--ink); color: var(--quiet); font-weight: 600; }
tbody th { vertical-align: top; font-weight: 600; background: var(--card); position: sticky; left: 0; max-width: 34vw; white-space: normal;
  overflow-wrap: break-word; }
tr.first > * { border-top: 1px solid var(--line); }
tr.model td { background: var(--tint); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
small { color: var(--quiet); font-weight: 400; font-size: .82em; }
td small { display: block; line-height: 1.2; }
dl { margin: .5rem 0 0; }
dt { color: var(--quiet); font-size: .8rem; }
dd { margin: 0 0 .5rem; }
code { font-size: .85em; }
</style>
</head>
<body>
<h1>Broadsheet evaluation</h1>
<p class="facts"><code>$checkpoint</code></p>
<p class="facts">$facts</p>
<div class="cards">$cards</div>
$tables
<h2>Examples</h2>
<div class="examples">$examples</div>
$warnings
<h2>How to repeat this</h2>
<ul>$files</ul>
<footer>$versions</footer>
</body>
</html>
"""
