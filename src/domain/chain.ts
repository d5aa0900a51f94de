/**
 * One link of the hash chain over a pipeline's rollups, in bytes: what it says, how that is hashed, and which later word about
 * an hour is one that the ledger itself may say. Pure.
 */
import { createHash } from 'node:crypto';

/** An hour at a checkpoint as it was sealed. */
export interface LinkContent {
  readonly storeId: string;
  /** Ids of the configuration; they survive a rename. */
  readonly pipeline: string;
  readonly checkpoint: string;
  /** 1, 2, … within the pipeline. */
  readonly number: number;
  /** When the hour begins, Unix milliseconds. */
  readonly hourMs: number;
  readonly sealedMs: number;
  readonly counts: Counts;
  /** `hashOf` the hour's sketch of delays. */
  readonly delaysHash: string;
}

export type Counts = Readonly<Record<string, number>>;

/** Stands first in what is hashed: another encoding must not be taken for this one. */
const FORM = 'coalmine link 1';

/** JSON without spaces, keys in the order of their UTF-16 units: the same text for the same value, whatever order it came in. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/** SHA-256 of the canonical JSON in UTF-8, hexadecimal. */
export const hashOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

/** The hash of a link. `previous`: the hash of the link before; null for the first. */
export const linkHash = (previous: string | null, link: LinkContent): string =>
  hashOf([
    FORM,
    previous,
    link.storeId,
    link.pipeline,
    link.number,
    link.checkpoint,
    link.hourMs,
    link.sealedMs,
    link.counts,
    link.delaysHash,
  ]);

/** Buckets of canaries that arrived: what comes to light later may move them among each other. */
const ARRIVED = ['on_time', 'late', 'delivered', 'recovered'];
const DRILLS = ['drill_open', 'drill_lost', 'drill_unproven', 'drill_seen'];
const FREE = new Set([...ARRIVED, ...DRILLS, 'lost', 'missed_here', 'unsent']);

/**
 * Why an hour that said `before` can't come to say `after` by evidence alone; null: it can. What was lost may come back, be
 * seen further down, or have been in time after all; a withheld canary may be seen; a beat that was skipped may become known.
 * `livedTwice`: the clock was set back, so an hour may have got more canaries after it was over.
 */
export function unexplained(
  before: Counts,
  after: Counts,
  { livedTwice = false }: { readonly livedTwice?: boolean } = {},
): string | null {
  const by = (bucket: string): number => (after[bucket] ?? 0) - (before[bucket] ?? 0);
  const sum = (buckets: readonly string[]): number => buckets.reduce((n, b) => n + by(b), 0);
  const says = (bucket: string): string =>
    `${bucket} went from ${before[bucket] ?? 0} to ${after[bucket] ?? 0}`;
  const others = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(b => !FREE.has(b));
  const never = (wrong: (n: number) => boolean, ...buckets: string[]): string | undefined =>
    buckets.filter(b => wrong(by(b))).map(says)[0];
  const fewer = (n: number): boolean => n < 0;
  const other = (n: number): boolean => (livedTwice ? n < 0 : n !== 0);
  const more = (n: number): boolean => !livedTwice && n > 0;
  const sorted = others.toSorted();
  const wrong =
    never(other, ...sorted) ??
    never(fewer, 'on_time', 'unsent', 'drill_seen') ??
    never(more, 'lost', 'drill_lost', 'drill_unproven', 'drill_open');
  if (wrong !== undefined) return wrong;
  const path = sum([...ARRIVED, 'lost', 'missed_here']);
  const drills = sum(DRILLS);
  if (other(path))
    return `${path > 0 ? 'more' : 'fewer'} canaries than before: ${path > 0 ? '+' : ''}${path}`;
  if (other(drills))
    return `${drills > 0 ? 'more' : 'fewer'} drills than before: ${drills > 0 ? '+' : ''}${drills}`;
  if (!livedTwice && by('missed_here') > -by('lost')) return says('missed_here');
  return null;
}

/** `lost 3 here, 2 there`: where two accounts of an hour differ; empty: they don't. */
export function differences(
  one: Counts,
  other: Counts,
  words: { readonly one: string; readonly other: string },
): string {
  const buckets = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return buckets
    .filter(b => (one[b] ?? 0) !== (other[b] ?? 0))
    .map(b => `${b} ${one[b] ?? 0} ${words.one}, ${other[b] ?? 0} ${words.other}`)
    .join('; ');
}
