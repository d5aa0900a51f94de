/** Judging the rows of one checkpoint: each with its own evidence and the deadlines of the generation that planned it. */
import { type NewEvidence, type Settled, settleRow } from '../domain/settlement.ts';
import type { CheckpointKey } from '../store/lease.ts';
import type { MarkRow, MarkUpdate } from '../store/settle.ts';
import { INBOX_KINDS, type InboxRow } from '../store/sight.ts';
import type { Case, SettledRow } from './case.ts';
import { deadlinesOf } from './deadlines.ts';
import type { Engine } from './live.ts';

type Indexed = NewEvidence & { readonly index: number };

/** What of the inbox speaks of canaries. */
export function evidenceBySlot(inbox: readonly InboxRow[]): Map<number, Indexed[]> {
  const out = new Map<number, Indexed[]>();
  for (const r of inbox) {
    const kind = INBOX_KINDS[r.kind];
    if (kind !== 'seen' && kind !== 'downstream') continue;
    const list = out.get(r.slot) ?? [];
    if (list.length === 0) out.set(r.slot, list);
    list.push({
      kind,
      index: r.index,
      target: r.target,
      seenMs: r.seen_ms,
      seenAfterMs: r.seen_after_ms,
      record: r.record,
      copies: r.copies,
      integrity: r.integrity,
      detail: r.detail,
      ingestedMs: r.ingested_ms,
    });
  }
  return out;
}

export const rowKey = (r: { readonly slot: number; readonly part: number }): string => `${r.slot} ${r.part}`;

/** `downstream`: positions that were seen further down, by row. */
export async function judgeRows(
  engine: Engine,
  { at, watch, inbox, isEmptied, rows, seconds }: Case,
  downstream: ReadonlyMap<string, ReadonlySet<number>>,
): Promise<SettledRow[]> {
  const { keepsMs, way, chained, secondLook } = at.checkpoint.rules;
  const known = isEmptied
    ? { watch, nowMs: engine.ctx.clock.now() }
    : { watch: { ...watch, wMs: null }, nowMs: 0 };
  const proof = { ...known, keepsMs, way, chained, secondLook };
  const evidence = evidenceBySlot(inbox);
  const out: SettledRow[] = [];
  for (const row of rows) {
    const told = [...(downstream.get(rowKey(row)) ?? [])].map(i => downstreamEvidence(row, i));
    const deadlines = await deadlinesOf(engine, at, row.generation);
    const second = seconds.find(s => s.firstMs <= row.slot && row.slot <= s.lastMs) ?? null;
    const options = { deadlines, drill: at.pipeline.drill };
    const own = ownEvidence(row, evidence.get(row.slot) ?? []);
    out.push({ row, result: settleRow(row, [...own, ...told], { ...proof, second }, options) });
  }
  return out;
}

/** A slot of many targets stands in several rows. */
function ownEvidence(row: MarkRow, ofSlot: readonly Indexed[]): readonly Indexed[] {
  if (ofSlot.length === 0) return ofSlot;
  const targets = new Set(row.targets);
  return ofSlot.filter(e => e.index === row.index && targets.has(e.target));
}

const downstreamEvidence = (row: MarkRow, i: number): NewEvidence => ({
  kind: 'downstream',
  target: row.targets[i] ?? 0,
  seenMs: 0,
  seenAfterMs: null,
  record: null,
  copies: 0,
  integrity: 0,
  detail: null,
  ingestedMs: null,
});

/** Whether anything came of judging it: most rows that wait for a proof are as they were. */
export function isChanged({ row, result }: SettledRow): boolean {
  const told = ({ next_due_ms, folded, exceptional, counts, ...arrays }: MarkRow | Settled) => [
    [next_due_ms, folded, exceptional, Object.entries(counts).sort()],
    [arrays.verdicts, arrays.seen_offs, arrays.seen_after_offs, arrays.flags, arrays.records, arrays.notes],
  ];
  return JSON.stringify(told(row)) !== JSON.stringify(told(result));
}

export const updateOf = (
  { pipeline, checkpoint }: CheckpointKey,
  { row, result }: SettledRow,
): MarkUpdate => ({
  pipeline,
  checkpoint,
  slot: row.slot,
  part: row.part,
  next_due_ms: result.next_due_ms,
  counts: result.counts,
  folded: result.folded,
  exceptional: result.exceptional,
  verdicts: result.verdicts,
  seen_offs: result.seen_offs,
  seen_after_offs: result.seen_after_offs,
  flags: result.flags,
  records: result.records,
  notes: result.notes,
});
