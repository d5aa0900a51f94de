/** Incidents: the page of one, the list, and the forms on them. */
export const INCIDENT_STYLE = `
.incident{border-top:4px solid var(--edge)}
.incident.is-losing{border-top-color:var(--losing)}.incident.is-late{border-top-color:var(--late)}.incident.is-blind{border-top-color:var(--blind)}
.incident.is-silent{border-top-color:var(--silent)}.incident.is-healthy{border-top-color:var(--healthy)}
.chips{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .9rem;font-size:.875rem;color:var(--muted)}
.chip{border:1.5px solid currentColor;border-radius:3px;padding:0 .5em;font-weight:680;line-height:1.5}
.pipeline.incident>header h1.headline{font-size:clamp(1.375rem,1.05rem + 1.5vw,2rem);font-weight:680;letter-spacing:-.02em;line-height:1.15;margin:.35rem 0 .25rem;max-width:34em;overflow-wrap:anywhere}
.incident .headline span{min-width:0}
.since{font-size:1.0625rem}
.since b{font-weight:640}
.seen-to.is-blind{color:var(--blind);font-weight:600}
.todo{margin:.75rem 0 .2rem;padding:.6rem .9rem .7rem;border-left:5px solid var(--canary);background:var(--paper);border-radius:0 4px 4px 0;max-width:64rem;display:grid;gap:.55rem}
.todo:empty{display:none}
.todo>p:first-child{font-size:1.0625rem;overflow-wrap:anywhere}
.held{display:grid;gap:.3rem;max-width:48rem}
.held.is-over{color:var(--losing)}
.held .left{fill:var(--panel);stroke:var(--edge);stroke-width:2}
.held .gone{fill:var(--losing)}
.taken{margin-top:.5rem}
.inner{margin-top:.9rem;border-top:1px solid var(--hair);padding-top:.7rem;max-width:75ch}
.inner h2{font-size:1.0625rem;margin-bottom:.3rem}
.observed{font-size:1.1875rem;font-weight:620;letter-spacing:-.01em;overflow-wrap:anywhere}
.span-chart{margin-top:1.1rem;min-width:0}
.bars .span{fill:var(--tint)}
.flag line{stroke:var(--ink);stroke-width:1;stroke-dasharray:2 2}
.bars .flag text{fill:var(--ink);font-weight:600}
.blocks{display:grid;gap:1.25rem;grid-template-columns:minmax(0,1fr)}
@media (min-width:60rem){.blocks{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}}
.block p{max-width:80ch;overflow-wrap:anywhere}
.block h3{font-size:.875rem;font-weight:600;color:var(--muted);letter-spacing:0;margin-top:.8rem}
.sums-of{display:flex;flex-wrap:wrap;gap:.7rem 2.2rem;margin:.2rem 0 .7rem}
.sums-of div{display:flex;flex-direction:column-reverse}
.sums-of dt{font-size:.875rem;color:var(--muted);white-space:nowrap}
.sums-of dd{font-size:1.75rem;line-height:1.1;font-weight:640;letter-spacing:-.025em}
.sums-of .is-bad dd,.sums-of .is-bad dt{color:var(--losing)}
.sums-of .is-bad dt{font-weight:600}
.sums-of .of{border-left:1px solid var(--line);padding-left:2.2rem}
.sums-of .of dd{font-weight:400}
.rate{margin-bottom:.35rem}
.hops{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .7rem;font-size:1.1875rem;font-weight:640;margin:.2rem 0 .6rem}
.hops svg path{fill:none;stroke:var(--losing);stroke-width:2.2}
.hops .misses{color:var(--losing)}
.targets{display:flex;flex-wrap:wrap;gap:.3rem .4rem;margin-top:.35rem}
.targets li{border:1px solid var(--line);border-radius:3px;padding:0 .5em;font-size:.875rem;overflow-wrap:anywhere;min-width:0}
.hunt{display:grid;gap:.6rem;margin-top:.5rem}
.hunt dt{font-size:.875rem;color:var(--muted)}
.hunt dd{display:flex;align-items:flex-start;gap:.5rem;min-width:0}
.hunt pre{flex:1;min-width:0;margin:0;max-width:72rem}
.hunt code{user-select:all;-webkit-user-select:all}
.copy{display:none;margin-top:.1rem}
.js .copy{display:block}
.told li{display:flex;flex-wrap:wrap;gap:.05rem .6rem;padding:.35rem 0;border-top:1px solid var(--hair)}
.told li:first-child{border-top:0}
.told span{overflow-wrap:anywhere}
.told .s-healthy,.told .s-late,.told .s-losing{font-weight:600}
.notes li{padding:.5rem 0;border-top:1px solid var(--hair)}
.notes .by{font-size:.875rem;color:var(--muted)}
.notes .by b{color:var(--ink)}
.notes .text{white-space:pre-wrap;overflow-wrap:anywhere}
.write,.filters{display:flex;flex-wrap:wrap;gap:.6rem .9rem;align-items:flex-end;margin-top:.8rem}
.write p,.filters p{display:grid;gap:.15rem;min-width:0}
.write .wide{flex:1 1 100%;color:inherit;min-width:0}
.write label,.filters label{font-size:.875rem;color:var(--muted)}
.write small{flex:1 1 16rem}
input:not([type=hidden]),textarea,select{font:inherit;color:var(--ink);background:var(--panel);border:1px solid var(--edge);border-radius:4px;padding:.3rem .5rem;min-height:32px;max-width:100%}
textarea{width:100%;max-width:48rem;resize:vertical}
.filters{margin:0}
.filters select{max-width:min(18rem,100%)}
button.primary{background:var(--canary);color:#11181c;border-color:#11181c;font-weight:650}
button.primary:hover{background:var(--canary);text-decoration:underline}
.incidents li{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 .7rem;padding:.55rem 0;border-top:1px solid var(--hair)}
.incidents li:first-child{border-top:0}
.incidents .glyph{margin-top:.2rem}
.incidents .what{font-weight:600;font-size:1.0625rem;line-height:1.25}
.incidents .what a{color:var(--ink)}
.incidents .more{display:flex;flex-wrap:wrap;gap:.05rem 1.1rem;font-size:.875rem;color:var(--muted);max-width:none}
.open-incidents .title{font-size:1.0625rem;font-weight:650;letter-spacing:-.01em}
.open-incidents{border-left:5px solid var(--losing)}
`;
