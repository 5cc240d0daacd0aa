"""Style sheet of the audit page."""

from __future__ import annotations

STYLE = """
main{max-width:1040px}h1{margin-bottom:14px}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;margin:0 0 24px;padding:20px 24px}
section>h2{font-size:19px;font-weight:600;color:var(--text);margin:0 0 10px}
h3{font-size:15px;font-weight:600;margin:22px 0 6px}
p{margin:0 0 10px}.soft{color:var(--soft);font-size:14px}
.stamp{display:flex;gap:20px;align-items:center;border-left:8px solid currentColor}
.stamp b{font-size:40px;line-height:1.1;letter-spacing:.02em}
.stamp p{color:var(--text);margin:0;font-size:15px}
.pass{color:var(--green)}.look{color:var(--amber)}.stop{color:var(--red)}.unknown{color:var(--amber)}
.none{color:var(--soft)}
.findings{margin:0;padding:0;list-style:none}
.findings li{display:grid;grid-template-columns:96px 1fr;gap:14px;padding:12px 0;border-top:1px solid var(--line);
break-inside:avoid}
.findings li:first-child{border-top:0}
.tag{font-weight:700;font-size:13px;letter-spacing:.04em;text-transform:uppercase;padding-top:2px}
.findings b{display:block}.findings p{margin:2px 0 0;font-size:15px}.findings .advice{color:var(--soft);font-size:14px}
table{width:100%;margin-top:12px;font-size:14px}
td,th{padding:5px 10px 5px 0;border-top:1px solid var(--line);text-align:left;vertical-align:top}
th{border-top:0;font-size:13px;font-weight:500;color:var(--soft)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.words{font-size:13px;color:var(--soft);overflow-wrap:anywhere}
tr.quiet td{color:var(--soft)}
td svg,th svg{display:block}
.scores{table-layout:fixed;min-width:640px}.scores th:nth-child(1){width:25%}.scores th:nth-child(2){width:19%}
.scores th:nth-child(3){width:214px}.scores :is(td,th):nth-child(3){padding-left:14px}
.wide+p{margin-top:8px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:16px;margin-top:14px}
figure img{width:100%;aspect-ratio:1;object-fit:contain;background:#000;border-radius:8px;display:block}
.grid figure,.pair{break-inside:avoid}
.grid.pairs{grid-template-columns:repeat(auto-fill,minmax(225px,1fr))}
.pair>div{display:grid;grid-template-columns:1fr 1fr;gap:4px}.pair .mark{color:var(--red);font-weight:600}
figcaption{overflow-wrap:anywhere}.pair figcaption{font-size:12px}
.charts{display:flex;flex-wrap:wrap;gap:24px;margin-top:8px}
.charts figure{max-width:300px}
.a{fill:var(--red);stroke:var(--red)}.b{fill:var(--green);stroke:var(--green)}
.key{font-size:13px;color:var(--soft)}.key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin:0 5px 0 12px}
tr{break-inside:avoid}
@media screen and (max-width:600px){section{padding:14px}section>table{display:block;overflow-x:auto}.stamp{flex-wrap:wrap;gap:6px}.findings li{grid-template-columns:1fr;gap:2px}}
@media print{.scores{min-width:0}.scores svg{width:110px}.scores th:nth-child(1){width:18%}.scores th:nth-child(2){width:21%}
.scores th:nth-child(3){width:120px}td.words{font-size:11px}
section{padding:12px 14px}body{font-size:13px}
.a,.b,.stamp{print-color-adjust:exact}}
"""
