/**
 * The step `settle`: turns evidence and what the looks have proven into verdicts, and books them. Many checkpoints settle in
 * one transaction, each under its lease; each statement is for all of them.
 */
import { commitFindings } from '../store/finding.ts';
import type { Lease } from '../store/lease.ts';
import { lostLease, saveWatches, underLeases } from '../store/lock.ts';
import type { Tx } from '../store/open.ts';
import {
  byDue,
  type DueKey,
  loadMarks,
  type MarkRow,
  saveMarks,
  takeIdentities,
  takeInboxes,
  type WantedMarks,
} from '../store/settle.ts';
import { bookRollups, parkStrays, reportRemarks } from './book.ts';
import { addDownstream, byKey, passUpstream } from './branch.ts';
import type { Case, SettleResult, SettleWork } from './case.ts';
import { evidenceBySlot, isChanged, judgeRows, updateOf } from './judge-rows.ts';
import type { Engine } from './live.ts';
import { reportReordered } from './reordering.ts';
import { withSelfEvidence } from './self-evidence.ts';
import { mayHaveAliases } from './sight.ts';

/** In one settling, of all its checkpoints. */
const INBOX_MAX = 20_000;
const DUE_ROWS_MAX = 200;
/** Even of many checkpoints each gets on by so much. */
const INBOX_MIN = 200;
const DUE_ROWS_MIN = 20;
const MISSING = ['overdue', 'late', 'lost', 'recovered', 'refused'];

/** Settles checkpoints that are all equally far down their branches: none may wait for another in the same transaction. */
export async function settleTogether(
  engine: Engine,
  works: readonly SettleWork[],
): Promise<PromiseSettledResult<SettleResult>[]> {
  const inboxMax = Math.max(INBOX_MIN, Math.floor(INBOX_MAX / works.length));
  const dueMax = Math.max(DUE_ROWS_MIN, Math.floor(DUE_ROWS_MAX / works.length));
  const byLease = new Map(works.map(w => [w.at.lease, w]));
  const leases = [...byLease.keys()].sort(byKey);
  const done = await underLeases(engine.sql, leases, async (tx, locked) => {
    const cases = locked.map(({ lease, watch }): Case => {
      const work = byLease.get(lease)!;
      return { ...work, watch, inbox: [], isEmptied: true, dueUntilMs: null, rows: [], settled: [] };
    });
    if (cases.length === 0) return new Map<Lease, SettleResult>();
    await gather(engine, tx, cases, { inboxMax, dueMax });
    await judge(engine, tx, cases);
    await book(engine, tx, cases);
    return new Map(cases.map(c => [c.at.lease, resultOf(c, dueMax)]));
  });
  return works.map(({ at: { lease } }): PromiseSettledResult<SettleResult> => {
    const value = done.get(lease);
    if (!value) return { status: 'rejected', reason: lostLease(lease) };
    engine.instruments.add('rows_settled', value.rows);
    return { status: 'fulfilled', value };
  });
}

/** The same for one. Throws LeaseLostError. */
export async function settle(engine: Engine, work: SettleWork): Promise<SettleResult> {
  const [end] = await settleTogether(engine, [work]);
  if (end?.status !== 'fulfilled') throw end?.reason;
  return end.value;
}

/** Takes the evidence, and loads the rows that it speaks of and those whose time has come. */
async function gather(
  engine: Engine,
  tx: Tx,
  cases: readonly Case[],
  { inboxMax, dueMax }: { readonly inboxMax: number; readonly dueMax: number },
): Promise<void> {
  const before = cases.map(c => c.watch);
  const leases = cases.map(c => c.at.lease);
  const inboxes = await takeInboxes(tx, leases, inboxMax);
  for (const c of cases) {
    c.inbox = inboxes.of(c.at.lease);
    c.isEmptied = c.inbox.length < inboxMax;
    c.watch = withSelfEvidence(c.watch, c.inbox, c.at.checkpoint.rules);
  }
  const nowMs = engine.ctx.clock.now();
  const marks = await loadMarks(
    tx,
    cases.map(c => wantedMarks(c, nowMs)),
    dueMax,
  );
  for (const c of cases) c.rows = marks.of(c.at.lease);
  await takeAliases(
    engine,
    tx,
    cases.filter(c => mayHaveAliases(c.at.pipeline)),
  );
  await saveWatches(
    tx,
    cases.filter((c, i) => c.watch !== before[i]).map(c => ({ lease: c.at.lease, watch: c.watch })),
  );
}

function wantedMarks(c: Case, nowMs: number): WantedMarks {
  const { at, watch, inbox, after = null } = c;
  const { pipeline, checkpoint } = at.lease;
  const untilMs = Math.max(watch.proven ? (watch.wMs ?? 0) : 0, nowMs - at.checkpoint.rules.keepsMs);
  const slots = [...evidenceBySlot(inbox).keys()];
  c.dueUntilMs = c.isEmptied ? untilMs : null;
  return { pipeline, checkpoint, slots, due_until_ms: c.dueUntilMs, due_after: after };
}

/** What was parked under an identity that is an alias by now, and the rows of it. */
async function takeAliases(engine: Engine, tx: Tx, cases: readonly Case[]): Promise<void> {
  const { claimed, findings } = await takeIdentities(
    tx,
    cases.map(c => c.at.lease),
  );
  await commitFindings(tx, findings);
  engine.instruments.add('echoes', findings.filter(f => f.kind === 'echo').length);
  const claiming = cases.filter(c => claimed.of(c.at.lease).length > 0);
  const wanted = claiming.map(({ at: { lease } }): WantedMarks => {
    const slots = new Set(claimed.of(lease).map(r => r.slot));
    return { pipeline: lease.pipeline, checkpoint: lease.checkpoint, slots: [...slots], due_until_ms: null };
  });
  const marks = await loadMarks(tx, wanted, 0);
  const rowOf = (r: MarkRow) => `${r.slot} ${r.part}`;
  for (const c of claiming) {
    const inbox = claimed.of(c.at.lease);
    const known = new Set(c.rows.map(rowOf));
    c.watch = withSelfEvidence(c.watch, inbox, c.at.checkpoint.rules);
    c.inbox = [...c.inbox, ...inbox];
    c.rows = [...c.rows, ...marks.of(c.at.lease).filter(r => !known.has(rowOf(r)))];
  }
}

async function judge(engine: Engine, tx: Tx, cases: readonly Case[]): Promise<void> {
  const downstream = await addDownstream(tx, cases);
  for (const c of cases) c.settled = await judgeRows(engine, c, downstream.get(c) ?? new Map());
}

async function book(engine: Engine, tx: Tx, cases: readonly Case[]): Promise<void> {
  await saveMarks(
    tx,
    cases.flatMap(c => c.settled.filter(isChanged).map(s => updateOf(c.at.lease, s))),
  );
  await bookRollups(tx, cases);
  await parkStrays(engine, tx, cases);
  await passUpstream(tx, cases);
  await reportRemarks(engine, tx, cases);
  await reportReordered(engine, tx, cases);
}

function resultOf(c: Case, dueMax: number): SettleResult {
  const { settled, isEmptied, watch } = c;
  const after = isEmptied ? dueAfter(c, dueMax) : (c.after ?? null);
  // Without a look since, those that wait go on waiting, and so do all behind them.
  const goesOn = after !== null && (c.afterLook === true || settled.some(s => !s.result.waits));
  const missing = settled.some(({ result: { counts } }) => MISSING.some(bucket => bucket in counts));
  return { rows: settled.length, more: !isEmptied || goesOn, after, missing, watch };
}

/** The last of a page of rows that are due, if it is full. What evidence alone speaks of stands behind it. */
function dueAfter({ rows, dueUntilMs, after = null }: Case, dueMax: number): DueKey | null {
  const due = rows
    .flatMap(({ next_due_ms, slot, part }) => (next_due_ms === null ? [] : [{ next_due_ms, slot, part }]))
    .filter(r => r.next_due_ms <= (dueUntilMs ?? 0) && (after === null || byDue(r, after) > 0))
    .sort(byDue);
  return due[dueMax - 1] ?? null;
}
