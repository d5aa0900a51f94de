/** How charts look. Grounds (`g-`) and inks (`i-`) differ in lightness too, so that greyscale print keeps them apart. */
export const CHART_STYLE = `
:root{--g-on_time:#86a0ac;--g-delivered:#b9cad2;--i-delivered:#5e7a88;--g-late:#f0b33c;--i-late:#7a4a00;
--g-recovered:#c5e5d8;--i-recovered:#0f6b4b;--g-missed_here:#d5d8f2;--i-missed_here:#43489c;--g-pending:#fcfdfc;--i-pending:#505b61;
--g-unproven:#e8ebee;--i-unproven:#505b61;--g-maybe_sent:#e6d8f3;--i-maybe_sent:#6d3796;--g-unsent:#fcfdfc;--i-unsent:#6d3796;
--g-overdue:#f6c8a4;--i-overdue:#a34300;--g-refused:#f0c3d8;--i-refused:#8d1150;--g-lost:#a9170c;--g-blind:#eef0f6;--i-blind:#8d92c4}
@media (prefers-color-scheme:dark){:root{--g-on_time:#58727e;--g-delivered:#34464f;--i-delivered:#90abb8;--g-late:#a86c00;--i-late:#ffdc8f;
--g-recovered:#154736;--i-recovered:#8fe0bb;--g-missed_here:#2b2f63;--i-missed_here:#b4b8ff;--g-pending:#141a1e;--i-pending:#9caab1;
--g-unproven:#252e33;--i-unproven:#a9b5bb;--g-maybe_sent:#3d2553;--i-maybe_sent:#d3aef6;--g-unsent:#141a1e;--i-unsent:#d3aef6;
--g-overdue:#5a2c0d;--i-overdue:#ffab6e;--g-refused:#551132;--i-refused:#ff9cc8;--g-lost:#ff6a55;--g-blind:#1b2036;--i-blind:#5d639f}}
.g-on_time{fill:var(--g-on_time)}.g-delivered{fill:var(--g-delivered)}.g-late{fill:var(--g-late)}.g-recovered{fill:var(--g-recovered)}
.g-missed_here{fill:var(--g-missed_here)}.g-pending{fill:var(--g-pending)}.g-unproven{fill:var(--g-unproven)}.g-maybe_sent{fill:var(--g-maybe_sent)}
.g-unsent{fill:var(--g-unsent)}.g-overdue{fill:var(--g-overdue)}.g-refused{fill:var(--g-refused)}.g-lost{fill:var(--g-lost)}.g-blind{fill:var(--g-blind)}
.i{fill:none;stroke-width:1.3}.i-delivered{stroke:var(--i-delivered);stroke-width:1}.i-late{stroke:var(--i-late);stroke-width:1.7}
.i-recovered{fill:var(--i-recovered)}.i-missed_here{stroke:var(--i-missed_here)}.i-pending{stroke:var(--i-pending);stroke-width:1.5;stroke-linecap:square}
.i-unproven{stroke:var(--i-unproven);stroke-width:1}.i-maybe_sent{stroke:var(--i-maybe_sent);stroke-width:2;stroke-linecap:round}
.i-unsent{stroke:var(--i-unsent)}.i-overdue{stroke:var(--i-overdue);stroke-width:1}.i-refused{stroke:var(--i-refused);stroke-width:1}.i-blind{stroke:var(--i-blind);stroke-width:1.5}
svg{display:block;overflow:visible}
.glyph,.swatch,.canary,.quantiles svg{display:inline-block}
svg text{font-size:11px;fill:var(--muted);font-variant-numeric:tabular-nums}
.bars .base,.delays .base{stroke:var(--edge);stroke-width:1}
.tick{stroke:var(--edge);stroke-width:1}
.hollow{stroke:var(--edge);stroke-width:.75}
.bars .lane{stroke:var(--i-blind);stroke-width:.75}
.m-lost path{fill:var(--losing)}
.m-refused path{fill:none;stroke:var(--i-refused);stroke-width:2}
.show{display:grid;gap:.7rem;min-width:0;align-content:start}
.show figure{min-width:0;position:relative}
figcaption{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.8125rem;color:var(--muted)}
.counts{display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.counts b{color:var(--ink);font-weight:620}
.counts .is-lost,.counts .is-lost b{color:var(--losing);font-weight:680}
.key.per{margin-left:auto}
.swatch{vertical-align:-2px;margin-right:.15rem}
.swatch .frame{stroke:var(--edge);stroke-width:1}
.delays{display:grid;grid-template-columns:minmax(0,1fr);gap:.1rem 1.5rem}
.in-time{fill:var(--hair)}
.deadline{stroke:var(--ink);stroke-width:1.5}
.q path{fill:var(--ink);stroke:var(--panel);stroke-width:1}
.q.beyond path{fill:var(--losing)}
.q .arrow{fill:none!important;stroke:var(--losing);stroke-width:2}
.quantiles{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.8125rem}
.quantiles div{display:flex;gap:.35rem;white-space:nowrap}
.quantiles dt{color:var(--muted)}.quantiles dd{font-weight:620}
.quantiles svg{vertical-align:-1px;margin-right:.15rem}
.rail{height:0;min-height:100%}
.rail .lane{stroke:var(--edge);stroke-width:2;fill:none}
.rail .stop{fill:var(--panel);stroke:currentColor;stroke-width:2.5}
.rail .core{fill:currentColor}
.rail .origin{fill:var(--ink)}
`;
