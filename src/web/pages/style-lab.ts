/** The demo's panel. */
export const LAB_STYLE = `
.lab{background:var(--panel);border:1px solid var(--line);border-top:4px solid var(--canary);border-radius:5px;padding:.9rem 1.1rem 1.1rem;display:grid;gap:.7rem;font-size:.875rem;grid-template-columns:minmax(0,1fr)}
.lab h2{font-size:1.0625rem}
.lab h3{font-size:.8125rem;color:var(--muted);font-weight:600;letter-spacing:0;border-top:1px solid var(--line);padding-top:.6rem;margin-bottom:.45rem}
.lab p{color:var(--muted)}
.lab b{color:var(--ink)}
.lab button{width:100%;text-align:left;font-weight:600}
.fault{margin-bottom:.8rem}
.fault p{margin-top:.25rem;font-size:.8125rem}
.fault.is-on button{border:2px solid var(--losing);background:var(--tint)}
.fault .on{background:var(--losing);color:var(--panel);border-radius:3px;padding:0 .4em;margin-right:.25em}
.restarts{display:grid;gap:.35rem}
.restarts p{font-size:.8125rem}
.truth div{display:flex;justify-content:space-between;gap:1rem;padding:.1rem 0;border-bottom:1px solid var(--hair)}
.truth dd{font-weight:620}
.truth+p{margin-top:.4rem;font-size:.8125rem}
@media (min-width:78rem){.lab{position:sticky;top:1rem;max-height:calc(100vh - 2rem);overflow-y:auto}}
`;
