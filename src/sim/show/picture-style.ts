/** How the picture looks: the grounds, inks and tiles of the pages' charts, in both schemes. Nothing is told by colour alone. */
export const PICTURE_STYLE = `
:root{--panel:#fcfdfc;--ink:#11181c;--muted:#505b61;--line:#cdd4d1;--hair:#e2e7e4;--edge:#6c787e;--losing:#a9170c;--healthy:#14684a;
--tint:#fdf1ef;--in-time:#86a0ac;--late:#f0b33c;--i-late:#7a4a00;--recovered:#c5e5d8;--i-recovered:#0f6b4b;--canary:#f7cf1d;--wing:#b98600}
@media (prefers-color-scheme:dark){:root{--panel:#141a1e;--ink:#e6ecee;--muted:#9caab1;--line:#2c373d;--hair:#212a2f;--edge:#7d8b92;
--losing:#ff8d7c;--healthy:#7fd0ab;--tint:#2a1715;--in-time:#58727e;--late:#a86c00;--i-late:#ffdc8f;--recovered:#154736;--i-recovered:#8fe0bb}}
text{font:13px ui-sans-serif,-apple-system,"Segoe UI Variable Text","Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums lining-nums;fill:var(--ink)}
.panel{fill:var(--panel);stroke:var(--line)}
.title{font-size:20px;font-weight:680;letter-spacing:-.01em}
.muted{fill:var(--muted)}.small{font-size:12px}.strong{font-weight:650}.end{text-anchor:end}.mid{text-anchor:middle}
.bad{fill:var(--losing)}.good{fill:var(--healthy)}
.columns{shape-rendering:crispEdges}
.g-onTime{fill:var(--in-time)}.g-late{fill:var(--late)}.g-recovered{fill:var(--recovered)}.g-gone{fill:var(--losing)}
.i-late{stroke:var(--i-late);stroke-width:1.7;fill:none}.i-recovered{fill:var(--i-recovered)}
.frame{fill:none;stroke:var(--edge)}
.base{stroke:var(--edge)}.tick{stroke:var(--edge)}.rule{stroke:var(--hair)}.grid{stroke:var(--panel);stroke-width:1;opacity:.55}
.lost{fill:var(--losing)}.lost.back{fill:var(--panel);stroke:var(--losing);stroke-width:1.2}
.onset{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:3 3}
.unaware{stroke:var(--losing);stroke-width:3}.unaware.on{stroke-dasharray:2 5}
.knows{fill:var(--ink);stroke:var(--panel);stroke-width:1.5}
.knows.us{fill:var(--canary);stroke:var(--ink);stroke-width:1.5}
.whisker{stroke:var(--ink);stroke-width:2}.truth{stroke:var(--losing);stroke-width:2.5}.scale{stroke:var(--line);stroke-width:6;stroke-linecap:round}
.bird{fill:var(--canary)}.wing{fill:var(--wing)}.legs{stroke:var(--muted);stroke-width:1.7;stroke-linecap:round;fill:none}.eye{fill:#11181c}
`;
