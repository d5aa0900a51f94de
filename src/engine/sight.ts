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
import type { IdentityRow, InboxRow } from '../store/sight.ts';
import { type Engine, type EventSource, inputOf, type LiveCheckpoint, type LivePipeline } from './live.ts';

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

/** Identities assigned by the backend, looked up by the caller: alias → name. */
export type Aliases = ReadonlyMap<string, CanaryName>;

const FINDINGS_SAMPLE_CHARS = 300;

/** Sifts records. Pure but for the keys; nothing is committed here. */
export function sift(
  engine: Pick<Engine, 'keyring'>,
  at: { readonly pipeline: LivePipeline; readonly checkpoint: LiveCheckpoint },
  records: readonly SeenRecord[],
  seeing: Seeing,
  aliases: Aliases = new Map(),
): Sifted {
  const sightings: Sighting[] = [];
  const findings: FindingRow[] = [];
  const identities: Identity[] = [];
  const place = at.checkpoint.config.at;
  let strangers = 0;
  const finding = (kind: string, sample: unknown) =>
    findings.push({ kind, at_ms: seeing.seenMs, count: 1, sample });
  for (const record of records) {
    const before = sightings.length;
    for (const candidate of candidatesOf(record, place, aliases)) {
      const verified = candidate.name
        ? ({ kind: 'valid', name: candidate.name } as const)
        : engine.keyring.verify(candidate.text);
      if (verified.kind === 'malformed') continue;
      if (verified.kind === 'forged') {
        if (candidate.uuid) continue;
        finding('forged', { token: partialToken(candidate.text), name: nameKey(verified.name) });
        continue;
      }
      const { name } = verified;
      if (!at.pipeline.targetByNumber.has(name.target)) {
        strangers++;
        finding('alien', { name: nameKey(name), record: sampleOf(record.text) });
        continue;
      }
      const by = 'epoch' in verified ? verified : undefined;
      const expected = expectationMet(engine, at, record, { ...candidate, name, by });
      if (!expected) {
        finding('echo', { name: nameKey(name), record: sampleOf(record.text) });
        continue;
      }
      sightings.push(sightingOf(record, name, expected, seeing));
    }
    if (sightings.length === before && mayHaveAliases(at.pipeline))
      identities.push(...unresolved(record, seeing));
  }
  return { sightings: merged(sightings), findings, strangers, identities };
}

interface Candidate {
  readonly text: string;
  readonly name?: CanaryName;
  readonly uuid?: string;
}

const UUIDS = /(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![\w-])/gi;

/** Names that a record holds: by an alias in its place, else tokens anywhere, else, where a place is declared, UUIDs. */
function candidatesOf(record: SeenRecord, place: string | undefined, aliases: Aliases): Candidate[] {
  const known = identitiesOf(record).flatMap(text => {
    const name = aliases.get(text);
    return name ? [{ text, name }] : [];
  });
  if (known.length > 0) return known;
  const texts = [record.text, ...(record.placed ?? [])];
  const tokens = new Set(texts.flatMap(text => findInText(text).map(f => f.token)));
  if (tokens.size > 0) return [...tokens].map(text => ({ text }));
  if (place === undefined && record.placed === undefined) return [];
  const uuids = new Set(texts.flatMap(text => text.match(UUIDS) ?? []).map(uuid => uuid.toLowerCase()));
  return [...uuids].map(uuid => ({ text: uuid, uuid }));
}

/** Whether canaries may be known by an identity that their backend gave them: nobody gives one to a record that we wrote. */
export const mayHaveAliases = (pipeline: Pick<LivePipeline, 'source'>): boolean =>
  pipeline.source === undefined;

/** Longer ones are no identities, and no injector gives them. */
const IDENTITY_CHARS_MAX = 200;

/** What stands in a record's declared place and may be an alias. */
export const identitiesOf = (record: SeenRecord): string[] => [
  ...new Set(
    (record.placed ?? []).map(p => p.trim()).filter(p => p !== '' && p.length <= IDENTITY_CHARS_MAX),
  ),
];

function unresolved(record: SeenRecord, seeing: Seeing): Identity[] {
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

/** The backend's own id tells a record from all others; without one only its whole text does. */
export const recordKey = (record: SeenRecord): string => record.recordId ?? record.text;

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

/** A sample for a person: short, and with no whole token in it. */
export const sampleOf = (text: string): string =>
  text.replace(/coalmine1[a-z2-7]{40}/gi, partialToken).slice(0, FINDINGS_SAMPLE_CHARS);

const hashOfId = ({ recordId }: SeenRecord): number | null =>
  recordId === undefined ? null : hash32(recordId);

/** FNV-1a: tells records of one canary apart; no more is asked of it. */
function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
