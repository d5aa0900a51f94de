/** Single canaries as the ledger knows them, in the domain's words: for lists, and one told hop by hop. */
import { type CanaryName, nameKey, SENDINGS, type Sending } from '../domain/canary.ts';
import { FLAG, type Note, verdictOf } from '../domain/settlement.ts';
import { type Bucket, bucketOf, isException, VERDICTS, type Verdict } from '../domain/verdict.ts';
import { type Sight, sightOf } from '../domain/watermark.ts';
import {
  type CanaryKey,
  type CanaryRow,
  listCanaries,
  readCanary,
  readOrphan,
} from '../store/read-canaries.ts';
import { readWatches } from '../store/register.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import { INTEGRITIES } from './sight.ts';

/** One canary at one checkpoint. Times are Unix milliseconds. */
export interface CanaryView {
  /** `target.slot.index`: names the canary without vouching for it. */
  readonly name: string;
  readonly pipeline: string;
  readonly checkpoint: string;
  /** Name of the target; `drill` for canaries that are never sent. */
  readonly target: string;
  readonly slotMs: number;
  /** `planned`, `emit` or `test`. */
  readonly kind: string;
  /** null: still being sent. */
  readonly sending: Sending | null;
  readonly verdict: Verdict;
  readonly bucket: Bucket;
  /** It became visible after `seenAfterMs` (null: not known) and no later than `seenMs` (null: not seen). */
  readonly seenMs: number | null;
  readonly seenAfterMs: number | null;
  /** From the first attempt until it was seen, at most; null: not seen. */
  readonly delayMs: number | null;
  /** 0: not seen. More than one beyond our own extra attempts is duplication. */
  readonly copies: number;
  /** null: not seen. */
  readonly integrity: (typeof INTEGRITIES)[number] | null;
}

export interface CanaryQuery {
  readonly pipeline: LivePipeline;
  /** All unless given. */
  readonly checkpoint?: LiveCheckpoint;
  /** Number of a target, which may be the drill. */
  readonly target?: number;
  readonly verdicts?: readonly Verdict[];
  /** Slots in [fromMs, toMs). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly drills: boolean;
  readonly after?: CanaryKey;
  readonly limit: number;
}

/** A page, newest first, and the key of its last row where there is more. */
export async function canaryPage(
  engine: Engine,
  q: CanaryQuery,
): Promise<{ readonly canaries: CanaryView[]; readonly next: CanaryKey | null }> {
  const drills = q.drills || q.target === q.pipeline.drill;
  const pages = await Promise.all(
    (q.checkpoint ? [q.checkpoint] : q.pipeline.checkpoints).map(c =>
      listCanaries(engine.sql, {
        ...c.key,
        fromMs: q.fromMs,
        toMs: q.toMs,
        target: q.target ?? null,
        verdicts: q.verdicts?.map(v => VERDICTS.indexOf(v)) ?? null,
        without: drills ? null : q.pipeline.drill,
        after: q.after ?? null,
        exceptional: !drills && (q.verdicts?.every(alwaysExceptional) ?? false),
        limit: q.limit + 1,
      }),
    ),
  );
  const rows = pages.flat().sort(newestFirst);
  const page = rows.slice(0, q.limit);
  const last = page.at(-1);
  return {
    canaries: page.map(row => viewOf(q.pipeline, row)),
    next: last && rows.length > q.limit ? last : null,
  };
}

const newestFirst = (a: CanaryKey, b: CanaryKey): number =>
  b.slot - a.slot || b.part - a.part || b.position - a.position || b.checkpoint - a.checkpoint;

/** Rows with this verdict, drills aside, are all in the index of exceptions. */
const alwaysExceptional = (verdict: Verdict): boolean =>
  isException({ ...NOTHING, sending: 'accepted' }, verdict);

const NOTHING = {
  sending: null,
  sentMs: 0,
  seen: null,
  absentAtD: false,
  absentAtL: false,
  uncovered: false,
  seenDownstream: false,
};

const sendingOf = (row: CanaryRow): Sending | null =>
  row.sending === null ? null : (SENDINGS[row.sending] ?? null);

export function viewOf(pipeline: LivePipeline, row: CanaryRow): CanaryView {
  const sending = sendingOf(row);
  const verdict = verdictOf(row.verdict ?? undefined);
  const flags = row.flags ?? 0;
  const note = (row.note ?? {}) as Note;
  const seenMs = row.seen_off === null ? null : row.due_ms + row.seen_off;
  const evidence = {
    ...NOTHING,
    sending,
    seen: seenMs === null ? null : { atMs: seenMs, afterMs: null },
    uncovered: (flags & FLAG.uncovered) !== 0,
    seenDownstream: (flags & FLAG.downstream) !== 0,
  };
  const isDrill = row.target === pipeline.drill;
  return {
    name: nameKey({ target: row.target, slot: row.slot, index: row.index }),
    pipeline: pipeline.config.name,
    checkpoint:
      pipeline.checkpoints.find(c => c.key.checkpoint === row.checkpoint)?.config.name ??
      `retired ${row.checkpoint}`,
    target: pipeline.targetByNumber.get(row.target) ?? `retired ${row.target}`,
    slotMs: row.slot,
    kind: row.kind,
    sending,
    verdict,
    bucket: bucketOf(isDrill ? { ...evidence, sending: 'withheld' } : evidence, verdict),
    seenMs,
    seenAfterMs: row.seen_after_off === null ? null : row.due_ms + row.seen_after_off,
    delayMs: row.seen_off === null ? null : Math.max(0, row.seen_off - (row.first_off ?? 0)),
    copies: note.copies ?? (seenMs === null ? 0 : 1),
    integrity: seenMs === null ? null : (INTEGRITIES[note.integrity ?? 0] ?? 'intact'),
  };
}

/** What is known of a canary at one checkpoint, and what can be said there now. */
export interface HopView extends CanaryView {
  readonly way: LiveCheckpoint['rules']['way'] | null;
  readonly onTimeByMs: number | null;
  readonly lostFromMs: number | null;
  /** What beside the times is known, in words. */
  readonly remarks: readonly string[];
  /** What of the event didn't arrive as sent. */
  readonly detail: unknown;
  /** The checkpoint's sight now; null: it is retired. */
  readonly sight: Sight | null;
}

export interface CanaryStory {
  readonly name: string;
  readonly pipeline: string;
  readonly target: string;
  readonly kind: string;
  readonly slotMs: number;
  readonly dueMs: number;
  readonly committedMs: number;
  readonly sending: Sending | null;
  readonly attempts: number;
  readonly firstAttemptMs: number | null;
  readonly lastAttemptMs: number | null;
  /** Why it was refused or is in doubt. */
  readonly reason: string | null;
  /** Its deadlines began anew then, after a step of the clock. */
  readonly restartMs: number | null;
  readonly hops: readonly HopView[];
}

/** Names nobody registered: seen, and parked until somebody explains them. */
export interface OrphanStory {
  readonly name: string;
  readonly orphan: readonly {
    readonly pipeline: string;
    readonly checkpoint: string;
    readonly seenMs: number;
  }[];
}

/**
 * Everything known of one canary, hop by hop, in the order of the pipeline's checkpoints. undefined: the ledger doesn't
 * know it, because it never did or because it arrived and was folded into the rollups (`retention.canaries`).
 */
export async function canaryStory(
  engine: Engine,
  name: CanaryName,
): Promise<CanaryStory | OrphanStory | undefined> {
  const pipeline = engine.pipelines.find(p => p.targetByNumber.has(name.target));
  const rows = pipeline ? await readCanary(engine.sql, { ...name, pipeline: pipeline.number }) : [];
  const row = rows[0];
  if (!pipeline || !row) return await orphanStory(engine, name);
  const watches = new Map(
    (await readWatches(engine.sql, [pipeline.number])).map(w => [w.checkpoint, w.watermark]),
  );
  const nowMs = engine.ctx.clock.now();
  const attempted = row.attempts !== null && row.attempts > 0;
  const order = (r: CanaryRow) =>
    pipeline.checkpoints.findIndex(c => c.key.checkpoint === r.checkpoint) >>> 0;
  const view = viewOf(pipeline, row);
  return {
    name: view.name,
    pipeline: view.pipeline,
    target: view.target,
    kind: row.kind,
    slotMs: row.slot,
    dueMs: row.due_ms,
    committedMs: row.committed_ms,
    sending: view.sending,
    attempts: row.attempts ?? 0,
    firstAttemptMs: attempted ? row.due_ms + (row.first_off ?? 0) : null,
    lastAttemptMs: attempted ? row.due_ms + (row.last_off ?? 0) : null,
    reason: row.reason,
    restartMs: row.restart_ms,
    hops: rows
      .toSorted((a, b) => order(a) - order(b))
      .map(r => {
        const live = pipeline.checkpoints.find(c => c.key.checkpoint === r.checkpoint);
        const watch = watches.get(r.checkpoint);
        return hopOf(pipeline, r, live, live && watch ? sightOf(watch, live.rules, nowMs) : null);
      }),
  };
}

function hopOf(
  pipeline: LivePipeline,
  row: CanaryRow,
  live: LiveCheckpoint | undefined,
  sight: Sight | null,
): HopView {
  const sentMs = Math.max(row.due_ms + (row.last_off ?? 0), row.restart_ms ?? 0);
  return {
    ...viewOf(pipeline, row),
    way: live?.rules.way ?? null,
    onTimeByMs: live ? sentMs + live.config.onTimeWithinMs : null,
    lostFromMs: live ? sentMs + live.config.lostAfterMs : null,
    remarks: remarksOf(row),
    detail: ((row.note ?? {}) as Note).detail ?? null,
    sight,
  };
}

function remarksOf(row: CanaryRow): string[] {
  const flags = row.flags ?? 0;
  const note = (row.note ?? {}) as Note;
  const said: [boolean, string][] = [
    [(flags & FLAG.absentAtD) !== 0, 'proven absent at the on-time deadline'],
    [(flags & FLAG.absentAtL) !== 0, 'proven absent at the lost deadline'],
    [
      (flags & FLAG.uncovered) !== 0,
      'its absence could not have been proven: a gap, or a look that came too late',
    ],
    [(flags & FLAG.downstream) !== 0, 'seen further down the same branch'],
    [note.lostMs !== undefined && row.seen_off !== null, 'was declared lost, and came back'],
    [note.falseAbsence === true, 'the backend had it before a look that did not show it: our own error'],
  ];
  return said.filter(([is]) => is).map(([, words]) => words);
}

async function orphanStory(engine: Engine, name: CanaryName): Promise<OrphanStory | undefined> {
  const parked = await readOrphan(engine.sql, name);
  const orphan = parked.flatMap(o => {
    const p = engine.pipelines.find(l => l.number === o.pipeline);
    const c = p?.checkpoints.find(l => l.key.checkpoint === o.checkpoint);
    return p && c ? [{ pipeline: p.config.name, checkpoint: c.config.name, seenMs: o.seen_ms }] : [];
  });
  return orphan.length > 0 ? { name: nameKey(name), orphan } : undefined;
}

const NAME = /^(\d{1,8})\.(\d{1,14})\.(\d{1,5})$/;

/** The name a text stands for: `target.slot.index`, or a whole token or UUID, verified. undefined: neither. */
export function readName(engine: Pick<Engine, 'keyring'>, text: string): CanaryName | undefined {
  const parts = NAME.exec(text);
  if (parts) return { target: Number(parts[1]), slot: Number(parts[2]), index: Number(parts[3]) };
  const verified = engine.keyring.verify(text.trim());
  return verified.kind === 'valid' ? verified.name : undefined;
}
