/** The stylesheet: an instrument panel. Tokens first, both schemes; then layout; charts have a file of their own. */
import { CHART_STYLE } from './style-charts.ts';
import { INCIDENT_STYLE } from './style-incidents.ts';
import { LAB_STYLE } from './style-lab.ts';

const TOKENS = `
:root{color-scheme:light dark;
--paper:#e9ecea;--panel:#fcfdfc;--ink:#11181c;--muted:#505b61;--line:#cdd4d1;--hair:#e2e7e4;--accent:#075985;--edge:#6c787e;
--canary:#f7cf1d;--wing:#b98600;--perch:#505b61;
--healthy:#14684a;--late:#875000;--losing:#a9170c;--blind:#43489c;--unproven:#505b61;--silent:#6d3796;--tint:#fdf1ef}
@media (prefers-color-scheme:dark){:root{
--paper:#0c1113;--panel:#141a1e;--ink:#e6ecee;--muted:#9caab1;--line:#2c373d;--hair:#212a2f;--accent:#7cc6ee;--edge:#7d8b92;
--perch:#9caab1;
--healthy:#7fd0ab;--late:#f2b950;--losing:#ff8d7c;--blind:#b4b8ff;--unproven:#a9b5bb;--silent:#d3aef6;--tint:#2a1715}}
`;

const BASE = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scrollbar-gutter:stable}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.45 ui-sans-serif,-apple-system,"Segoe UI Variable Text","Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums lining-nums}
h1,h2,h3,p,dl,dd,ol,ul,figure{margin:0;padding:0}
ol,ul{list-style:none}
h1,h2,h3{line-height:1.2;font-weight:650;letter-spacing:-.01em;text-wrap:balance}
a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:2px}
main:focus{outline:none}
small{font-size:.8125rem;font-weight:400;color:var(--muted);letter-spacing:0}
abbr{text-decoration:none}
time,.fresh{white-space:nowrap}
button{font:inherit;color:var(--ink);background:var(--panel);border:1px solid var(--edge);border-radius:4px;padding:.3rem .7rem;min-height:32px;cursor:pointer}
button:hover{border-color:var(--ink);background:var(--hair)}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.defs{position:absolute}
.skip{position:absolute;left:-99rem;top:0;background:var(--panel);padding:.6rem 1rem;z-index:9}
.skip:focus{left:0}
.s-healthy{color:var(--healthy)}.s-late{color:var(--late)}.s-losing{color:var(--losing)}
.s-blind{color:var(--blind)}.s-not_yet_proven{color:var(--unproven)}.s-silent{color:var(--silent)}
.glyph{flex:none;vertical-align:-.12em}
`;

const FRAME = `
header.site{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem 1.5rem;padding:.55rem clamp(1rem,3vw,2rem);background:var(--panel);border-bottom:1px solid var(--line)}
.brand{display:inline-flex;align-items:center;gap:.5rem;font-size:1.1875rem;font-weight:680;letter-spacing:-.025em;color:var(--ink);text-decoration:none}
.bird{fill:var(--canary)}.wing{fill:var(--wing)}.eye{fill:#11181c}
.perch,.legs{stroke:var(--perch);stroke-width:1.7;stroke-linecap:round;fill:none}
.windows ul{display:flex}
.windows a{display:block;padding:.25rem .6rem;border:1px solid var(--line);margin-left:-1px;color:var(--ink);text-decoration:none;font-size:.875rem}
.windows li:first-child a{border-radius:4px 0 0 4px;margin-left:0}.windows li:last-child a{border-radius:0 4px 4px 0}
.windows a:hover{background:var(--hair)}
.windows a[aria-current]{background:var(--ink);color:var(--panel);border-color:var(--ink);font-weight:600}
.places{display:flex;gap:.25rem 1.1rem;font-size:.9375rem}
.places a{color:var(--ink);text-decoration:none;padding:.25rem 0;border-bottom:2px solid transparent}
.places a:hover{border-color:var(--edge)}
.places a[aria-current]{border-color:var(--canary);font-weight:620}
.clock{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .9rem;margin-left:auto;font-size:.875rem;color:var(--muted)}
.clock time{color:var(--ink);font-weight:600}
button.quiet{font-size:.8125rem;padding:.15rem .6rem;min-height:28px}
button[aria-pressed=true]{background:var(--canary);color:#11181c;border-color:#11181c;font-weight:600}
.stale{padding:.6rem clamp(1rem,3vw,2rem);background:var(--losing);color:var(--panel);font-weight:600}
main{padding:1.25rem clamp(1rem,3vw,2rem) 2rem;max-width:110rem;margin:0 auto}
footer.site{padding:0 clamp(1rem,3vw,2rem) 2rem;max-width:110rem;margin:0 auto;font-size:.8125rem;color:var(--muted)}
footer.site p{max-width:80ch}
.pipelines{display:grid;gap:1.25rem;min-width:0;align-content:start;grid-template-columns:minmax(0,1fr)}
.with-aside{display:grid;gap:1.5rem;grid-template-columns:minmax(0,1fr)}
@media (min-width:78rem){.with-aside{grid-template-columns:minmax(0,1fr) 21rem;align-items:start}}
.summary{display:flex;flex-wrap:wrap;align-items:baseline;gap:.3rem 1.5rem}
.summary h1{font-size:1.625rem}
.tally{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-weight:600}
.crumbs{font-size:.875rem}
`;

const PIPELINE = `
.pipeline,.block{background:var(--panel);border:1px solid var(--line);border-radius:5px;min-width:0}
.pipeline{padding:1rem clamp(.75rem,2vw,1.35rem) 1.1rem}
.pipeline>header{display:grid;grid-template-columns:minmax(0,1fr);gap:.15rem .9rem;align-items:baseline}
.pipeline>header :is(h1,h2){font-size:.9375rem;font-weight:600;letter-spacing:0}
.pipeline>header h2 a{color:var(--ink)}
.headline{font-size:1.5rem;line-height:1.2;letter-spacing:-.018em;display:flex;gap:.55rem;align-items:baseline}
.headline strong{font-weight:680}
.headline .glyph{position:relative;top:.1em}
.is-healthy .headline{font-size:1.25rem}
.reason{color:var(--muted);max-width:75ch;overflow-wrap:anywhere}
.drill{margin-top:.3rem;font-size:.875rem;color:var(--muted)}
.drill span,.noticed span{font-weight:600;color:var(--ink)}
.drill.is-bad{color:var(--silent);font-weight:600}
.source,.checkpoint{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 .6rem;align-items:stretch}
.source{margin-top:.8rem}
.source p{padding:.35rem 0;font-size:.875rem;color:var(--muted)}
.source b{font-size:1rem;color:var(--ink);font-weight:650;margin-right:.4rem}
.strip{display:grid;grid-template-columns:minmax(0,1fr);gap:.5rem 2rem;padding:.65rem 0 1rem;border-top:1px solid var(--hair);min-width:0}
@media (min-width:52rem){.strip{grid-template-columns:minmax(16rem,21rem) minmax(0,1fr)}}
.strip .name{font-size:1rem}
.state{font-weight:600;margin:.1rem 0 .1rem}
.strip .reason{font-size:.875rem}
.completeness{display:grid;grid-template-columns:repeat(auto-fit,minmax(5rem,1fr));gap:.55rem .7rem;margin:.55rem 0}
.completeness .first{grid-column:1/-1}
.completeness dt{font-size:.8125rem;color:var(--muted)}
.completeness b{font-weight:620;white-space:nowrap}
.completeness .first b{display:block;font-size:1.875rem;line-height:1.1;letter-spacing:-.025em;font-weight:640}
.completeness span{font-size:.8125rem;color:var(--muted);white-space:nowrap}
.completeness .first span+span::before{content:" · "}
.completeness .first span:not(:last-child){white-space:normal}
.to-lab{font-weight:600;margin-left:auto}
@media (min-width:78rem){.to-lab{display:none}}
.completeness div:not(.first) dd span{display:block}
.seen-to{font-size:.8125rem;color:var(--muted)}
.noticed{font-size:.875rem;border-top:1px solid var(--hair);padding-top:.7rem;color:var(--muted)}
`;

const TABLES = `
.block{padding:1rem clamp(.75rem,2vw,1.35rem) 1.1rem}
.block>h2{font-size:1.0625rem;margin-bottom:.5rem}
.none{color:var(--muted)}
.scroll{overflow-x:auto;max-width:100%;scrollbar-width:thin}
.pipelines>.scroll{background:var(--panel);border:1px solid var(--line);border-radius:5px;padding:.5rem 1rem}
table{border-collapse:collapse;font-size:.875rem;min-width:100%}
caption{text-align:left;color:var(--muted);font-size:.8125rem;padding-bottom:.35rem}
th,td{text-align:left;padding:.3rem .9rem .3rem 0;vertical-align:baseline;border-top:1px solid var(--hair);white-space:nowrap}
thead th{border-top:0;font-weight:400;color:var(--muted);font-size:.8125rem;vertical-align:bottom}
thead tr:last-child th{padding-bottom:.35rem}
thead+tbody>tr:first-child>*,tbody+tbody>tr:first-child>*{border-top-color:var(--line)}
tbody th{font-weight:600}
tfoot>tr>*{border-top:1px solid var(--edge);font-weight:600}
.n{text-align:right}
.group{padding-left:.9rem;border-left:1px solid var(--hair)}
thead th.group[colspan]{color:var(--ink);font-weight:600}
.zero{color:var(--muted)}
.wide{white-space:normal;min-width:14rem;color:var(--muted);font-weight:400}
th.wide{font-weight:400}
.exceptions li{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;padding:.32rem 0;border-top:1px solid var(--hair);font-size:.875rem}
.exceptions .span{min-width:9.5rem}.exceptions .place{min-width:6rem;font-weight:600}
.sums{display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.sums .of{color:var(--muted)}
.findings{display:grid;gap:.9rem 2rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr))}
.findings h3{font-size:.9375rem}
.findings p{font-size:.875rem;max-width:60ch}
summary{cursor:pointer;font-size:.8125rem;color:var(--accent);padding:.2rem 0}
pre{margin:.2rem 0 0;padding:.5rem .7rem;background:var(--paper);border-radius:4px;font-size:.8125rem;white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,"SF Mono",Consolas,"Liberation Mono",monospace}
.gaps li{font-size:.875rem;padding:.2rem 0}
`;

const PRINT = `
@media print{:root{--paper:#fff;--panel:#fff;--ink:#000;--muted:#333;--line:#999;--hair:#ccc;--accent:#000}
body{font-size:10pt}.windows,.places,.clock button,.clock a,.lab,.skip,.stale,.write,.filters,.copy{display:none!important}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
header.site,main{padding-left:0;padding-right:0}.pipeline,.block{border:0;border-top:1.5pt solid #000;border-radius:0;padding:8pt 0}
.checkpoint,.exceptions li,.findings li,tr{break-inside:avoid}h1,h2,h3{break-after:avoid}
.strip{grid-template-columns:16rem minmax(0,1fr)}.scroll{overflow:visible}a{text-decoration:none}}
@media (prefers-contrast:more){:root{--muted:var(--ink);--line:var(--ink);--hair:var(--edge)}}
@media (prefers-reduced-motion:no-preference){button,.windows a{transition:background-color .12s}}
`;

export const STYLE = [
  TOKENS,
  BASE,
  FRAME,
  PIPELINE,
  TABLES,
  CHART_STYLE,
  INCIDENT_STYLE,
  LAB_STYLE,
  PRINT,
].join('\n');
