/** What a run over many seeds comes to: how much was tried, and what was found. */
import type { SeedResult } from './cli-run.ts';

const HOUR_MS = 3_600_000;

export function summaryOf(results: readonly SeedResult[]) {
  const sum = (of: (r: SeedResult) => number) => results.reduce((n, r) => n + of(r), 0);
  const faults: Record<string, number> = {};
  for (const r of results)
    for (const [kind, n] of Object.entries(r.faults)) faults[kind] = (faults[kind] ?? 0) + n;
  const ordered = results.toSorted((a, b) => a.seed - b.seed);
  const json = {
    seeds: results.length,
    virtualHours: Number((sum(r => r.virtualMs) / HOUR_MS).toFixed(2)),
    canaries: sum(r => r.canaries),
    statements: sum(r => r.statements),
    steps: sum(r => r.steps),
    notices: sum(r => r.notices),
    faults: Object.fromEntries(Object.entries(faults).sort(([a], [b]) => (a < b ? -1 : 1))),
    ...(results.length === 1 ? { traceHash: results[0]!.traceHash } : {}),
    violations: ordered.flatMap(r => r.violations.map(v => ({ seed: r.seed, ...v }))),
  };
  const kinds = Object.entries(json.faults).map(([kind, n]) => `${kind} ${n}`);
  const text = [
    `${json.seeds} seeds, ${json.virtualHours} virtual hours, ${json.canaries} canaries, ${json.statements} statements, ${json.notices} notices`,
    `faults: ${kinds.join(' · ') || 'none'}`,
    ...(json.traceHash === undefined ? [] : [`trace ${json.traceHash}`]),
    ...json.violations.map(v => `seed ${v.seed}, step ${v.step}, ${v.atMs} ms: ${v.text}`),
    json.violations.length === 0 ? 'nothing found' : `${json.violations.length} violations`,
  ];
  return { json, text: `${text.join('\n')}\n` };
}
