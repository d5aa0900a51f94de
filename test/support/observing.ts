/** What tests of observers share: a context with real clocks, looks, and collecting what a look yields. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Context } from '../../src/contracts/context.ts';
import type {
  Found,
  Json,
  Look,
  Observer,
  ObserverDefinition,
  SeenRecord,
} from '../../src/contracts/observer.ts';

export const PREFIX = 'coalmine1';
/** 2023-11-14T22:13:20Z: where tests place their records. */
export const T0 = 1_700_000_000_000;

export const realContext = (over: Partial<Context> = {}): Context => ({
  clock: {
    now: () => Date.now(),
    mono: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { ...(signal ? { signal } : {}) }),
  },
  random: Math.random,
  fetch: globalThis.fetch,
  log: () => undefined,
  ...over,
});

export const lookOf = (over: Partial<Look> = {}): Look => ({
  by: 'event',
  fromMs: T0,
  toMs: T0 + 86_400_000,
  prefix: PREFIX,
  limits: { records: 100_000, bytes: 100_000_000 },
  ...over,
});

export interface Looked {
  readonly records: readonly SeenRecord[];
  readonly texts: readonly string[];
  readonly pages: number;
  readonly cursor: Json | undefined;
  readonly end: Extract<Found, { end: unknown }>;
}

/** Runs a look to its end, and holds it to the contract: pages, then exactly one end, with a reason unless exhausted. */
export const collect = async (
  observer: Observer,
  look: Look,
  signal = new AbortController().signal,
): Promise<Looked> => {
  const records: SeenRecord[] = [];
  const ends: Extract<Found, { end: unknown }>[] = [];
  let pages = 0;
  let cursor = look.cursor;
  for await (const found of observer.observe!(look, signal)) {
    expect(ends, 'nothing comes after the end').toEqual([]);
    if ('end' in found) {
      ends.push(found);
      continue;
    }
    pages += 1;
    records.push(...found.page);
    if (found.cursor !== undefined) cursor = JSON.parse(JSON.stringify(found.cursor)) as Json;
  }
  expect(ends).toHaveLength(1);
  const end = ends[0]!;
  if (end.end !== 'exhausted') expect(end.reason).toMatch(/\w+ \w+/);
  expect(end.reason ?? '').not.toMatch(/coalmine1[a-z2-7]{10,}/);
  expect(records.length).toBeLessThanOrEqual(Math.max(1, look.limits.records));
  return { records, texts: records.map(r => r.text), pages, cursor, end };
};

export const create = async (
  definition: ObserverDefinition,
  settings: unknown,
  ctx = realContext(),
): Promise<Observer> => await definition.create(definition.schema.parse(settings), ctx);

/** A line with something like a token in it. */
export const lineOf = (n: number): string => {
  const letters = [...String(n)].map(digit => 'abcdefghij'[Number(digit)]).join('');
  return `Failed password for canary ${PREFIX}${letters.padStart(40, 'q')} port ${n}`;
};
