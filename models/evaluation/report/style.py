"""The page's style: light or dark as the reader's system asks, nothing loaded from anywhere."""

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1d1d1b; --soft: #63635d; --rule: #dcdbd5; --panel: #f3f2ee;
  --good: #1b7f3b; --c0: #2a6fdb; --c1: #d9622b; --c2: #1d8a6a; --c3: #a3377e; --c4: #b08600; --c5: #6a4fc9;
  --c6: #5f6b76; --c7: #b3323a; }
@media (prefers-color-scheme: dark) { :root { --paper: #1a1a19; --ink: #eeede8; --soft: #a5a49c; --rule: #3b3a37;
  --panel: #242422; --good: #56c27a; --c0: #6fa5f2; --c1: #f0905e; --c2: #4cc39c; --c3: #dc7dba; --c4: #d8b345;
  --c5: #a493ee; --c6: #a3afba; --c7: #ec7d82; } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 1080px; padding: 24px 20px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; } h3 { font-size: 15px; }
p.note, dt, small { color: var(--soft); } .note { font-size: 13px; }
.synthetic { border-left: 4px solid var(--c1); background: var(--panel); padding: 8px 12px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--panel); padding: 10px 12px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
caption { text-align: left; font-weight: 600; padding: 8px 0; } tbody th { text-align: left; font-weight: 500; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
td, thead th { text-align: right; }
thead th { color: var(--soft); font-weight: 500; white-space: normal; vertical-align: bottom; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 12px 24px; }
figure { margin: 12px 0 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--rule); } .tick, .value { fill: var(--soft); font-size: 12px; text-anchor: middle; }
.value { fill: var(--ink); } .tick.end { text-anchor: end; } .bar { fill: var(--c0); }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; } .line.dashed { stroke-dasharray: 6 4; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 4px 0 0; padding: 0;
  font-size: 13px; }
.key { display: inline-block; width: 18px; border-top: 3px solid; margin-right: 6px; vertical-align: middle; }
.key.dashed { border-top-style: dashed; }
.case { display: flex; flex-wrap: wrap; gap: 8px; padding: 10px 0; border-bottom: 1px solid var(--rule); }
.card { font-size: 12px; color: var(--soft); } .card.own, .card.top { width: 104px; }
.card img { display: block; border-radius: 3px; max-width: 100%; }
.card img { outline: 3px solid transparent; outline-offset: -3px; } .card.own img { outline-color: var(--good); }
""" + "".join(f".line.c{n} {{ stroke: var(--c{n}); }} .key.c{n} {{ border-color: var(--c{n}); }}\n" for n in range(8))
