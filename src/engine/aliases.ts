/**
 * Canaries that are known by an identity which their backend gave them. A record may be seen before the sending that tells
 * of its identity is committed: it is parked then, and `settle` takes it up as soon as the alias is there.
 */
import type { SeenRecord } from '../contracts/observer.ts';
import { textsAt } from '../domain/recognise.ts';
import type { FindingRow } from '../store/finding.ts';
import { type IdentityRow, INBOX_KINDS, type InboxRow, readIdentities } from '../store/sight.ts';
import { siftKnowing } from './discover.ts';
import { SEND_GRACE_MS } from './emit.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';
import { identitiesOf } from './record.ts';
import { type Identity, mayHaveAliases, type Seeing, type Sifted } from './sight.ts';

/** Parked at one checkpoint. What is beyond makes a gap. */
export const PARKED_MAX = 20_000;

export interface SiftedIdentities extends Sifted {
  /** How many identities of these records may be parked. */
  readonly room: number;
}

/** `siftKnowing`, with what stands in the declared place looked up among the aliases. For pages and pushes alike. */
export async function siftMeeting(
  engine: Engine,
  at: { readonly pipeline: LivePipeline; readonly checkpoint: LiveCheckpoint },
  records: readonly SeenRecord[],
  seeing: Seeing,
): Promise<SiftedIdentities> {
  const { at: place } = at.checkpoint.config;
  if (!mayHaveAliases(at.pipeline)) return { ...(await siftKnowing(engine, at, records, seeing)), room: 0 };
  const placed =
    place === undefined
      ? records
      : records.map(r => (r.placed ? r : { ...r, placed: textsAt(r.text, place, '') }));
  const identities = [...new Set(placed.flatMap(identitiesOf))];
  const known = await readIdentities(engine.sql, at.checkpoint.key, identities);
  const aliases = new Map(known.aliases.map(({ alias, ...name }) => [alias, name]));
  const sifted = await siftKnowing(engine, at, placed, seeing, aliases);
  // What is nobody's while nothing is being sent never becomes a canary's: `settle` only counts what it is otherwise.
  const parked = sifted.identities.filter(i => known.sending || i.row.otherwise);
  return { ...sifted, identities: parked, room: PARKED_MAX - known.others };
}

/** What is to be committed for identities that are nobody's yet. `absentMs`: when one was known to be absent; null: not known. */
export function park(
  { config }: Pick<LivePipeline, 'config'>,
  { identities, room }: SiftedIdentities,
  absentMs: (identity: Identity) => number | null,
): {
  readonly identities: readonly IdentityRow[];
  readonly rows: readonly InboxRow[];
  readonly findings: readonly FindingRow[];
} {
  const byRecord = new Map<string, IdentityRow>();
  for (const identity of identities) {
    const row = { ...identity.row, seen_after_ms: absentMs(identity) };
    const id = `${row.key} ${row.identity}`;
    const copies = (byRecord.get(id)?.copies ?? 0) + 1;
    byRecord.set(id, { ...row, copies: row.record === null ? copies : 1 });
  }
  const all = [...byRecord.values()];
  const dropped = all.splice(Math.max(0, room));
  const [first] = dropped;
  if (!first) return { identities: all, rows: [], findings: [] };
  const fromMs = dropped.reduce((ms, d) => Math.min(ms, d.seen_after_ms ?? 0), first.seen_ms);
  // Whose record is here already may be on its way still: its deadlines run from the end of its last attempt.
  const toMs = first.seen_ms + config.sendWithinMs + SEND_GRACE_MS;
  return {
    identities: all,
    rows: [gapRow(fromMs, toMs, `more than ${PARKED_MAX} identities that nobody has claimed yet`)],
    findings: [{ kind: 'unparked', at_ms: first.seen_ms, count: dropped.length, sample: null }],
  };
}

/** In [`fromMs`, `toMs`] nobody knows what was there. */
const gapRow = (fromMs: number, toMs: number, reason: string): InboxRow => ({
  slot: 0,
  target: 0,
  index: 0,
  kind: INBOX_KINDS.indexOf('gap'),
  seen_ms: toMs,
  seen_after_ms: fromMs,
  ingested_ms: null,
  record: null,
  copies: 0,
  look: 0,
  integrity: 0,
  detail: reason,
});
