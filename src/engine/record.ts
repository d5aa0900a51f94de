/** What a record of a backend is told by: its key, the names and identities that it may hold, and a sample of it for a person. */
import { createHash } from 'node:crypto';
import type { SeenRecord } from '../contracts/observer.ts';
import type { CanaryName } from '../domain/canary.ts';
import { findInText } from '../domain/finder.ts';
import { partialToken } from '../domain/token.ts';

const SAMPLE_CHARS = 300;

/** Identities assigned by the backend, looked up by the caller: alias → name. */
export type Aliases = ReadonlyMap<string, CanaryName>;

/** What may be a canary's name: a token or UUID, or an alias with the name that it stands for. */
export interface Candidate {
  readonly text: string;
  readonly name?: CanaryName;
  readonly uuid?: string;
}

export const UUIDS =
  /(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![\w-])/gi;

/** Names that a record holds: by an alias in its place, else tokens anywhere, else, where a place is declared, UUIDs. */
export function candidatesOf(record: SeenRecord, place: string | undefined, aliases: Aliases): Candidate[] {
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

/** Longer ones are no identities, and no injector gives them. */
const IDENTITY_CHARS_MAX = 200;

/** What stands in a record's declared place and may be an alias. */
export const identitiesOf = (record: SeenRecord): string[] => [
  ...new Set(
    (record.placed ?? []).map(p => p.trim()).filter(p => p !== '' && p.length <= IDENTITY_CHARS_MAX),
  ),
];

/** The backend's own id tells a record from all others; without one only its whole text does. */
export const recordKey = (record: SeenRecord): string => record.recordId ?? record.text;

/** A sample for a person: short, and with no whole token in it. */
export const sampleOf = (text: string): string =>
  text.replace(/coalmine1[a-z2-7]{40}/gi, partialToken).slice(0, SAMPLE_CHARS);

export const hashOfId = ({ recordId }: SeenRecord): number | null =>
  recordId === undefined ? null : hash32(recordId);

/** 52 bits that nobody can choose: what an attacker writes must not pass for a record that was counted before. */
export const findingKey = (kind: string, what: string, record: SeenRecord): number => {
  const told = JSON.stringify([
    kind,
    what,
    recordKey(record),
    record.recordId === undefined ? record.eventMs : null,
  ]);
  return Number.parseInt(createHash('sha256').update(told).digest('hex').slice(0, 13), 16);
};

/** FNV-1a: tells records of one canary apart; no more is asked of it. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
