/**
 * The step `sight`: from records to evidence. Finds tokens, verifies them, and decides whether the record is the event
 * in its place (law 3). Every way of seeing ends here, pulled or pushed.
 */
import type { SeenRecord } from '../contracts/observer.ts';
import { type CanaryName, nameKey } from '../domain/canary.ts';
import { findInText } from '../domain/finder.ts';
import { integrity } from '../domain/integrity.ts';
import { type Expected, recognise } from '../domain/recognise.ts';
import { partialToken, type SignedBy } from '../domain/token.ts';
import type { FindingRow } from '../store/finding.ts';
import type { IdentityRow, InboxRow, Otherwise } from '../store/sight.ts';
import { type Engine, type EventSource, inputOf, type LiveCheckpoint, type LivePipeline } from './live.ts';
import {
  type Aliases,
  type Candidate,
  candidatesOf,
  findingKey,
  hash32,
  hashOfId,
  identitiesOf,
  recordKey,
  sampleOf,
  UUIDS,
} from './record.ts';

/** The order is the encoding in the store: append only. */
export const INTEGRITIES = ['intact', 'altered', 'truncated', 'missing'] as const;

/** When the records of one answer were asked for and when they were seen. */
export interface Seeing {
  /** Known absent at this time, if it was; null: not known. */
  readonly absentMs: number | null;
  readonly seenMs: number;
  readonly look: number;
}

/** A canary that a record proves to be here. */
export interface Sighting {
  readonly name: CanaryName;
  /** Tells its record from others, see `recordKey`. */
  readonly key: string;
  readonly row: InboxRow;
  readonly eventMs: number | null;
  readonly ingestedMs: number | null;
}

export interface Sifted {
  readonly sightings: readonly Sighting[];
  readonly findings: readonly FindingRow[];
  /** Valid names whose target isn't known here: another replica may have discovered it since. */
  readonly strangers: number;
  /** Of a provoked pipeline, what stands in the declared place of records that are nobody's yet. */
  readonly identities: readonly Identity[];
}

/** An identity that may turn out to be an alias of a canary, when that canary's sending is committed. */
export interface Identity {
  readonly row: IdentityRow;
  readonly eventMs: number | null;
}

type At = { readonly pipeline: LivePipeline; readonly checkpoint: LiveCheckpoint };

/** Sifts records. Pure but for the keys; nothing is committed here. */
export function sift(
  engine: Pick<Engine, 'keyring'>,
  at: At,
  records: readonly SeenRecord[],
  seeing: Seeing,
  aliases: Aliases = new Map(),
): Sifted {
  const all = records.map(record => siftRecord(engine, at, record, seeing, aliases));
  return {
    sightings: merged(all.flatMap(s => s.sightings)),
    findings: all.flatMap(s => s.findings),
    strangers: all.reduce((n, s) => n + s.strangers, 0),
    identities: all.flatMap(s => s.identities),
  };
}

function siftRecord(
  engine: Pick<Engine, 'keyring'>,
  at: At,
  record: SeenRecord,
  seeing: Seeing,
  aliases: Aliases,
): Sifted {
  const sightings: Sighting[] = [];
  const findings: FindingRow[] = [];
  /** What it comes to unless it turns out to be a sign-in of ours. */
  const unclaimed: FindingRow[] = [];
  let strangers = 0;
  let isOurs = false;
  // A follow reads nothing twice.
  const isReread = at.checkpoint.rules.way !== 'follow';
  const noticed = (kind: string, what: string, sample: unknown): FindingRow => ({
    kind,
    at_ms: seeing.seenMs,
    count: 1,
    sample,
    ...(isReread ? { record: findingKey(kind, what, record) } : {}),
  });
  for (const candidate of candidatesOf(record, at.checkpoint.config.at, aliases)) {
    const verified = candidate.name
      ? ({ kind: 'valid', name: candidate.name } as const)
      : engine.keyring.verify(candidate.text);
    if (verified.kind === 'malformed' || (verified.kind === 'forged' && candidate.uuid)) continue;
    isOurs = true;
    const { name } = verified;
    const key = nameKey(name);
    const told = { name: key, record: sampleOf(record.text) };
    if (verified.kind === 'forged') {
      findings.push(noticed('forged', key, { token: partialToken(candidate.text), name: key }));
    } else if (at.pipeline.targetByNumber.has(name.target)) {
      const by = 'epoch' in verified ? verified : undefined;
      const expected = expectationMet(engine, at, record, { ...candidate, name, by });
      if (expected) sightings.push(sightingOf(record, name, expected, seeing));
      else unclaimed.push(noticed('echo', key, told));
    } else {
      strangers++;
      findings.push(noticed('alien', key, told));
    }
  }
  const own = sightings.length === 0 ? unresolved(at, record, seeing) : [];
  // Of what a provider writes only what stands for a sign-in is one.
  const mayBeUse = !isOurs && (!mayHaveAliases(at.pipeline) || own.length > 0);
  const use = mayBeUse ? usedBy(engine, at, record) : null;
  if (use) unclaimed.push(noticed('identity_used', '', use));
  // Until its identity is claimed or given up, nobody knows whether the record is the sign-in.
  if (own.length === 0) findings.push(...unclaimed);
  return { sightings, findings, strangers, identities: parked(at, own, unclaimed, record, seeing) };
}

/** Identities with what their record comes to if nobody claims any of them: told with the first. */
function parked(
  at: At,
  own: readonly Identity[],
  unclaimed: readonly FindingRow[],
  record: SeenRecord,
  seeing: Seeing,
): Identity[] {
  const [first, ...others] = own;
  if (!first || unclaimed.length === 0) return [...own];
  const otherwise: Otherwise = {
    identities: own.map(o => o.row.identity),
    findings: unclaimed,
    ...signedInAround(at, record, seeing),
  };
  return [{ ...first, row: { ...first.row, otherwise } }, ...others];
}

/** Clocks of replicas and providers differ by so much, milliseconds. */
const CLOCKS_MS = 60_000;

/** When a sending of ours that ended without an alias would have caused the record, at the most. */
function signedInAround(
  { pipeline, checkpoint }: { readonly pipeline: LivePipeline; readonly checkpoint: LiveCheckpoint },
  { eventMs }: SeenRecord,
  { seenMs }: Seeing,
): Pick<Otherwise, 'fromMs' | 'toMs'> {
  const earliestMs = eventMs ?? seenMs - checkpoint.config.lostAfterMs;
  return {
    fromMs: earliestMs - pipeline.config.sendWithinMs - CLOCKS_MS,
    toMs: (eventMs ?? seenMs) + CLOCKS_MS,
  };
}

/** What is told of a use of the canaries' identity by others; null: it is none. */
function usedBy(
  { keyring }: Pick<Engine, 'keyring'>,
  { pipeline }: { readonly pipeline: LivePipeline },
  { text }: SeenRecord,
): Record<string, unknown> | null {
  const use = pipeline.tripwire?.use(text);
  if (!use) return null;
  const uuids = text.match(UUIDS) ?? [];
  if (uuids.some(uuid => keyring.verify(uuid.toLowerCase()).kind === 'valid')) return null;
  return { from: use.from, record: sampleOf(text) };
}

/** Whether canaries may be known by an identity that their backend gave them: nobody gives one to a record that we wrote. */
export const mayHaveAliases = (pipeline: Pick<LivePipeline, 'source'>): boolean =>
  pipeline.source === undefined;

function unresolved(at: { readonly pipeline: LivePipeline }, record: SeenRecord, seeing: Seeing): Identity[] {
  if (!mayHaveAliases(at.pipeline)) return [];
  const foreign = identitiesOf(record).filter(identity => findInText(identity).length === 0);
  return foreign.map(identity => ({
    row: {
      identity,
      key: hash32(recordKey(record)),
      seen_ms: seeing.seenMs,
      seen_after_ms: seeing.absentMs,
      ingested_ms: record.ingestedMs ?? null,
      record: hashOfId(record),
      copies: 1,
      look: seeing.look,
      otherwise: null,
    },
    eventMs: record.eventMs ?? null,
  }));
}

/** What the record was expected to be, by the first generation's events that it is one of; undefined: an echo. */
function expectationMet(
  engine: Pick<Engine, 'keyring'>,
  at: { readonly pipeline: LivePipeline; readonly checkpoint: LiveCheckpoint },
  record: SeenRecord,
  candidate: Candidate & { readonly name: CanaryName; readonly by: SignedBy | undefined },
) {
  const { name, by } = candidate;
  const { eventMs } = record;
  for (const source of [at.pipeline.source, ...at.pipeline.otherSources]) {
    const expected = expectedOf(engine, at, { name, by, eventMs, source });
    const found = { token: candidate.text, uuid: candidate.uuid ?? expected.uuid };
    if (isItself(record, expected) || recognise(record, found, expected) === 'sighting') return expected;
  }
  return undefined;
}

function expectedOf(
  engine: Pick<Engine, 'keyring'>,
  at: { readonly pipeline: LivePipeline; readonly checkpoint: LiveCheckpoint },
  canary: {
    readonly name: CanaryName;
    /** By another key or in another epoch its event was another. */
    readonly by: SignedBy | undefined;
    readonly eventMs: number | undefined;
    readonly source: EventSource | undefined;
  },
) {
  const { name, by, eventMs, source } = canary;
  const { at: place, transforms } = at.checkpoint.config;
  // Its own time, where the backend tells it, makes the same text again. Beyond a Date's range nothing can be written.
  const nowMs = eventMs !== undefined && Math.abs(eventMs) <= DATE_MAX_MS ? eventMs : name.slot;
  const input = inputOf(engine, at.pipeline, name, nowMs, source, by);
  const event = source?.format.write(input);
  return {
    uuid: input.uuid,
    transforms,
    ...(place === undefined ? {} : { at: place }),
    ...(event === undefined ? {} : { event }),
  };
}

const DATE_MAX_MS = 8.64e15;

/** The event byte for byte, where no place was declared: what most backends return. Saves reading it field by field. */
const isItself = (record: SeenRecord, { at, event }: Pick<Expected, 'at' | 'event'>): boolean =>
  record.placed === undefined && at === undefined && record.text === event?.text;

function sightingOf(
  record: SeenRecord,
  name: CanaryName,
  expected: ReturnType<typeof expectedOf>,
  seeing: Seeing,
): Sighting {
  const fields =
    expected.event && !isItself(record, expected)
      ? integrity(record, expected.event, expected.transforms)
      : undefined;
  const ingestedMs = record.ingestedMs ?? null;
  return {
    name,
    key: recordKey(record),
    eventMs: record.eventMs ?? null,
    ingestedMs,
    row: {
      slot: name.slot,
      target: name.target,
      index: name.index,
      kind: 0,
      seen_ms: seeing.seenMs,
      seen_after_ms: seeing.absentMs,
      ingested_ms: ingestedMs,
      record: hashOfId(record),
      copies: 1,
      look: seeing.look,
      integrity: fields ? INTEGRITIES.indexOf(fields.state) : 0,
      detail: fields && fields.state !== 'intact' ? fields.fields.slice(0, 20) : null,
    },
  };
}

/** Equal records of one answer, told only by their number, become one row with copies. */
function merged(sightings: readonly Sighting[]): Sighting[] {
  const byKey = new Map<string, Sighting>();
  for (const s of sightings) {
    const key = `${nameKey(s.name)} ${s.row.record ?? ''}`;
    const known = byKey.get(key);
    if (!known) byKey.set(key, s);
    else if (s.row.record === null) {
      byKey.set(key, { ...known, row: { ...known.row, copies: known.row.copies + 1 } });
    }
  }
  return [...byKey.values()];
}
