/**
 * The rollups held against the single canaries that are still kept, and those against their own evidence. Of the newest hours
 * every row is there, and they must sum to the rollup; of older ones only rows with something out of the ordinary are, and
 * what is out of the ordinary must sum to it all the same.
 */
import type { Counts } from '../domain/chain.ts';
import { rowFault } from '../domain/row-check.ts';
import type { Deadlines } from '../domain/verdict.ts';
import {
  type ChainOwner,
  type MarkSum,
  readClosed,
  readDeadlines,
  readOldestException,
  readOldestOrdinary,
  type SealedRollup,
  sumHours,
} from '../store/chain-read.ts';
import type { Tx } from '../store/open.ts';
import type { VerifiedChain, VerifyOptions } from './verified.ts';
import { type Faults, says } from './verify-faults.ts';

const HOUR_MS = 3_600_000;
const CANARIES_MAX = 5_000_000;

/** Canaries in these make a row that is kept for long, always. */
const ALWAYS_KEPT = ['late', 'lost', 'recovered', 'missed_here', 'refused', 'maybe_sent'];

const floorHour = (ms: number): number => ms - (ms % HOUR_MS);
const ceilHour = (ms: number): number => Math.ceil(ms / HOUR_MS) * HOUR_MS;

type Rollups = ReadonlyMap<string, SealedRollup>;

export async function checkMarks(
  tx: Tx,
  owner: ChainOwner,
  rollups: Rollups,
  faults: Faults,
  options: VerifyOptions,
): Promise<VerifiedChain['checked']> {
  const { nowMs, retention } = options;
  const ordinaryMs = await readOldestOrdinary(tx, owner.number, nowMs - retention.canariesMs);
  const deadlines = await readDeadlines(tx, owner.number);
  let hours = 0;
  let exceptionHours = 0;
  let rows = 0;
  let cut = false;
  for (const checkpoint of owner.checkpoints) {
    const at = { pipeline: owner.number, checkpoint: checkpoint.number };
    const own = [...rollups.values()].filter(r => r.checkpoint === checkpoint.number);
    // The hour that the oldest row stands in has lost its beginning, unless nothing was before it.
    const isFirst = ordinaryMs !== null && !own.some(r => r.hour_ms < floorHour(ordinaryMs));
    const fullFromMs =
      ordinaryMs === null ? ceilHour(nowMs) : isFirst ? floorHour(ordinaryMs) : ceilHour(ordinaryMs);
    const all = { fromMs: fullFromMs, toMs: Number.MAX_SAFE_INTEGER, exceptional: false };
    hours += hold(own, await sumHours(tx, at, all), { ...all, faults, at, compare: whole });
    const fromMs = await exceptionsFrom(tx, at, own, nowMs - retention.exceptionsMs);
    const exceptions = { fromMs, toMs: fullFromMs, exceptional: true };
    const sums = await sumHours(tx, at, exceptions);
    exceptionHours += hold(own, sums, { ...exceptions, faults, at, compare: exceptional });
    const read = await checkRows(
      tx,
      at,
      deadlinesAt(deadlines, checkpoint.id),
      faults,
      options.canariesMax ?? CANARIES_MAX,
    );
    rows += read.rows;
    cut ||= read.cut;
  }
  return { hours, exceptionHours, rows, cut };
}

/** From which hour on nothing that is out of the ordinary has been dropped. */
async function exceptionsFrom(
  tx: Tx,
  at: { readonly pipeline: number; readonly checkpoint: number },
  own: readonly SealedRollup[],
  keptMs: number,
): Promise<number> {
  const oldestMs = await readOldestException(tx, at, keptMs);
  if (oldestMs === null) return Number.MAX_SAFE_INTEGER;
  const before = own.some(
    r => r.hour_ms < floorHour(oldestMs) && ALWAYS_KEPT.some(b => (r.counts[b] ?? 0) > 0),
  );
  return before ? ceilHour(oldestMs) : floorHour(oldestMs);
}

interface Holding {
  readonly fromMs: number;
  readonly toMs: number;
  readonly faults: Faults;
  readonly at: { readonly checkpoint: number };
  readonly compare: (rollup: Counts, rows: Counts) => string;
}

/** Holds every hour of a span against the sums of its rows. Returns how many. */
function hold(own: readonly SealedRollup[], sums: readonly MarkSum[], how: Holding): number {
  const { fromMs, toMs, faults, at, compare } = how;
  const rollups = new Map(
    own.filter(r => r.hour_ms >= fromMs && r.hour_ms < toMs).map(r => [r.hour_ms, r.counts]),
  );
  const rows = new Map(sums.map(s => [s.hour_ms, s.counts]));
  const hours = new Set([...rollups.keys(), ...rows.keys()]);
  for (const hour_ms of hours) {
    const differs = compare(rollups.get(hour_ms) ?? {}, rows.get(hour_ms) ?? {});
    if (differs === '') continue;
    faults.add({
      ...at,
      hour_ms,
      link: null,
      what: `its rollup is not what its canaries sum to: ${differs}`,
    });
  }
  return hours.size;
}

const compared = (rollup: Counts, rows: Counts): string =>
  says(rollup, rows, 'in the rollup', 'by its canaries');

/** A beat that was skipped has no row: the rollup may have more `unsent`. */
const whole = (rollup: Counts, rows: Counts): string => {
  const skipped = Math.max(0, (rollup.unsent ?? 0) - (rows.unsent ?? 0));
  return compared({ ...rollup, unsent: (rollup.unsent ?? 0) - skipped }, rows);
};

/** Rows in which all went well are gone; so there may be more in the rollup, of what such rows hold. */
const exceptional = (rollup: Counts, rows: Counts): string => {
  const fewer = Object.keys(rows).filter(b => (rows[b] ?? 0) > (rollup[b] ?? 0));
  const buckets = new Set([...ALWAYS_KEPT, ...fewer]);
  const pick = (c: Counts): Counts => Object.fromEntries(Object.entries(c).filter(([b]) => buckets.has(b)));
  return compared(pick(rollup), pick(rows));
};

type DeadlinesOf = (generation: number) => Deadlines | null;

function deadlinesAt(generations: Awaited<ReturnType<typeof readDeadlines>>, id: string): DeadlinesOf {
  const byNumber = new Map(generations.map(g => [g.number, g.checkpoints.find(c => c.id === id) ?? null]));
  return generation => byNumber.get(generation) ?? null;
}

async function checkRows(
  tx: Tx,
  at: { readonly pipeline: number; readonly checkpoint: number },
  deadlinesOf: DeadlinesOf,
  faults: Faults,
  canariesMax: number,
): Promise<{ rows: number; cut: boolean }> {
  let rows = 0;
  let canaries = 0;
  for await (const page of readClosed(tx, at)) {
    if (canaries >= canariesMax) return { rows, cut: true };
    for (const row of page) {
      rows++;
      canaries += row.targets.length;
      const wrong = rowFault(row, deadlinesOf(row.generation));
      if (wrong === null) continue;
      const what = `the row of slot ${new Date(row.slot).toISOString()} doesn’t follow from its evidence: ${wrong}`;
      faults.add({ ...at, hour_ms: floorHour(row.slot), link: null, what });
    }
  }
  return { rows, cut: false };
}
