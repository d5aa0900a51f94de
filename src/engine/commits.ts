/** What the engine commits in groups: how sendings went, how looks ended, and settlings. */
import { commitOutcomes, type SentBeat } from '../store/emit.ts';
import { lostLease } from '../store/lock.ts';
import { commitSightings, commitTogether, type LeasedEvidence } from '../store/sight.ts';
import { byKey } from './branch.ts';
import type { SettleAt, SettleResult, SettleWork } from './case.ts';
import { createGroup, type Group } from './group.ts';
import type { Engine } from './live.ts';
import { untilCommitted } from './retry.ts';
import { settle, settleTogether } from './settle.ts';

/** A crash makes what was sent in so long a time `maybe_sent`. */
const OUTCOMES_MS = 250;
/** Looks that begin together end about together. */
const LOOKS_MS = 50;
/** Bounds of one statement: canaries of sendings, sightings of looks, and checkpoints of one settling. */
const CANARIES_MAX = 20_000;
const SIGHTINGS_MAX = 20_000;
const CHECKPOINTS_MAX = 200;

/** `at`: how far down its branch. */
export interface EndedLook extends LeasedEvidence {
  readonly at: Pick<SettleAt, 'checkpoint'>;
}

export interface Commits {
  readonly outcomes: Group<SentBeat, void>;
  readonly lookEnds: Group<EndedLook, void>;
  settle(work: SettleWork): Promise<SettleResult>;
  /** Nothing gathers any more while `work` is under way: somebody waits for it. */
  hurry<T>(work: () => Promise<T>): Promise<T>;
}

const depthOf = ({ checkpoint }: Pick<SettleAt, 'checkpoint'>): number => checkpoint.upstream.length;
const done = { status: 'fulfilled', value: undefined } as const;

export function createCommits(engine: Engine): Commits {
  const { gather, hurry } = createPause(engine);
  const onFailure = (error: unknown) =>
    engine.ctx.log(engine.storeFault.met(error) ? 'debug' : 'warn', 'batch.failed', {
      reason: String(error),
    });
  const settlings = new Map<number, Group<SettleWork, SettleResult>>();
  const settlingAt = (depth: number): Group<SettleWork, SettleResult> => {
    const known = settlings.get(depth);
    if (known) return known;
    const group = createGroup<SettleWork, SettleResult>({
      together: works => settleTogether(engine, works),
      alone: work => settle(engine, work),
      onFailure,
      gather: () => gather(LOOKS_MS),
      sizeOf: () => 1,
      max: CHECKPOINTS_MAX,
    });
    settlings.set(depth, group);
    return group;
  };
  const outcomes = (gatherMs: number): Group<SentBeat, void> =>
    createGroup({
      together: async rows => {
        await commitOutcomes(engine.sql, rows);
        return rows.map(() => done);
      },
      alone: row => untilCommitted(engine, 'emit.outcomes', () => commitOutcomes(engine.sql, [row])),
      onFailure,
      gather: () => (gatherMs > 0 ? gather(gatherMs) : Promise.resolve()),
      sizeOf: row => row.sendings.length,
      max: CANARIES_MAX,
    });
  const gathered = outcomes(OUTCOMES_MS);
  // Until its aliases are known, a sign-in's record that also holds a token looks like an echo.
  const prompt = outcomes(0);
  return {
    outcomes: { add: row => (row.aliases.length > 0 ? prompt : gathered).add(row) },
    lookEnds: createGroup({
      together: ends => commitEnds(engine, ends),
      alone: ({ lease, evidence }) =>
        untilCommitted(engine, 'look.end', () => commitSightings(engine.sql, lease, evidence)),
      onFailure,
      gather: () => gather(LOOKS_MS),
      // Watches are as large as some tens of sightings.
      sizeOf: ({ evidence }) => 40 + evidence.rows.length,
      max: SIGHTINGS_MAX,
    }),
    settle: work => settlingAt(depthOf(work.at)).add(work),
    hurry,
  };
}

/** The deepest first: the order in which everybody locks checkpoints' rows. */
async function commitEnds(engine: Engine, ends: readonly EndedLook[]): Promise<PromiseSettledResult<void>[]> {
  const ordered = ends.toSorted((a, b) => depthOf(b.at) - depthOf(a.at) || byKey(a.lease, b.lease));
  const held = await commitTogether(engine.sql, ordered);
  const lost = new Set(ordered.filter((_, i) => !held[i]));
  return ends.map(end => (lost.has(end) ? { status: 'rejected', reason: lostLease(end.lease) } : done));
}

function createPause({ ctx: { clock } }: Engine) {
  const pauses = new Set<AbortController>();
  let hurried = 0;
  return {
    async gather(ms: number): Promise<void> {
      if (hurried > 0) return;
      const pause = new AbortController();
      pauses.add(pause);
      await clock.sleep(ms, pause.signal).catch(() => {});
      pauses.delete(pause);
    },
    async hurry<T>(work: () => Promise<T>): Promise<T> {
      hurried++;
      for (const pause of pauses) pause.abort();
      try {
        return await work();
      } finally {
        hurried--;
      }
    },
  };
}
