/** Whether a row that has closed says what follows from its evidence: verdicts from times and flags, counts from verdicts. Pure. */
import { canonical } from './chain.ts';
import { canaryOf, FLAG, type SettlementRow } from './row.ts';
import { bucketOf, type Deadlines, type Evidence, judge, VERDICTS } from './verdict.ts';

/**
 * What doesn't follow, as a clause; null: all does. `deadlines`: those of the row's generation; null: not known any more, so
 * that only the counts are checked. A row whose deadlines were restarted by a step of the clock may have closed before it.
 */
export function rowFault(row: SettlementRow, deadlines: Deadlines | null): string | null {
  const { verdicts } = row;
  if (verdicts === null || verdicts.length !== row.targets.length) {
    return `it has ${row.targets.length} canaries and ${verdicts?.length ?? 'no'} verdicts`;
  }
  const counts: Record<string, number> = {};
  for (const [i, code] of verdicts.entries()) {
    const verdict = VERDICTS[code];
    if (verdict === undefined) return `canary ${i + 1} has the verdict ${code}, which is none`;
    const evidence = evidenceAt(row, i);
    const follows = deadlines && row.restart_ms === null ? judge(evidence, deadlines) : verdict;
    if (follows !== verdict) return `canary ${i + 1} is ${verdict}, and ${follows} by its evidence`;
    const bucket = bucketOf(evidence, verdict);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  if (canonical(counts) === canonical(row.counts)) return null;
  return `its counts are ${canonical(row.counts)}, and by its verdicts ${canonical(counts)}`;
}

function evidenceAt(row: SettlementRow, i: number): Evidence {
  const { sending, sentMs } = canaryOf(row, i);
  const flags = row.flags?.[i] ?? 0;
  const seen = row.seen_offs?.[i] ?? null;
  const after = row.seen_after_offs?.[i] ?? null;
  return {
    sending,
    sentMs,
    seen:
      seen === null ? null : { atMs: row.due_ms + seen, afterMs: after === null ? null : row.due_ms + after },
    absentAtD: (flags & FLAG.absentAtD) !== 0,
    absentAtL: (flags & FLAG.absentAtL) !== 0,
    uncovered: (flags & FLAG.uncovered) !== 0,
    seenDownstream: (flags & FLAG.downstream) !== 0,
  };
}
