"""How the report looks: one style sheet, for light and dark screens and for paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5d6771; --line: #d9dee3; --paper: #ffffff;
  --panel: #f4f6f8; --accent: #0a6aa8; --dot: #7fa9c6; --warn: #8a5a00; --warn-paper: #fff6e3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b0; --line: #343b42; --paper: #16191c;
  --panel: #1f2327; --accent: #62b4ea; --dot: #5b93b8; --warn: #f2c266; --warn-paper: #2e2717; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 66rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .7rem; }
p { margin: .4rem 0; max-width: 46rem; }
.lead { font-size: 1.1rem; }
.soft, figcaption, footer { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1.2rem 0 0; padding: 0; }
.facts div { min-width: 6rem; } .facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.notice { margin: 1.4rem 0 0; padding: .7rem 1rem; border-left: 4px solid var(--warn); background: var(--warn-paper);
  max-width: none; border-radius: 0 4px 4px 0; }
.notice.sound { border-color: var(--accent); background: var(--panel); }
.notice p { max-width: none; margin: .15rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .8rem .45rem 0; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; font-size: .85rem; color: var(--soft); border-bottom: 1px solid var(--line);
  white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
tbody tr + tr.first td { border-top: 1px solid var(--line); }
th.whole { white-space: nowrap; }
td.text.class { white-space: normal; min-width: 8.5rem; }
tr.mean td { font-weight: 600; } tr.mean td small { font-weight: 400; }
td small { display: block; color: var(--soft); font-size: .78rem; }
figure { margin: 0 0 1.2rem; }
svg { display: block; width: 100%; height: auto; }
figure.chart { overflow-x: auto; } svg.figure { min-width: 40rem; }
svg text { font: 13px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--ink); }
svg text.head, svg text.tick { fill: var(--soft); font-size: 12px; }
svg text.number { font-size: 15px; font-weight: 600; }
svg .grid { stroke: var(--line); } svg .case { fill: var(--dot); fill-opacity: .6; }
svg .mean { fill: var(--accent); } svg .interval { stroke: var(--accent); stroke-width: 3; stroke-linecap: round; }
svg .bar { fill: var(--dot); }
svg text.score { font-size: 24px; font-weight: 600; paint-order: stroke; stroke: #000; stroke-width: 4px; }
.tiles { display: grid; gap: 1rem; grid-template-columns: repeat(var(--n), minmax(0, 22rem)); }
@media (max-width: 45rem) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.tiles figcaption { margin-top: .35rem; font-size: .9rem; overflow-wrap: anywhere; }
.tiles figcaption b { display: block; color: var(--ink); font-weight: 600; }
.tiles svg { background: #000; border-radius: 3px; }
.keys { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: .2rem 0 1rem; }
.key { display: inline-flex; align-items: center; gap: .5rem; }
.key i { width: 1.5rem; height: 0; border-top: 3px solid; } .key i.dashed { border-top-style: dashed; }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--line); font-size: .85rem; }
@media print { body { max-width: none; padding: 0; } figure, tr { break-inside: avoid; } }
"""
