/** Sends one committed beat: attempts with back-off until `send_within`, then commits what became of each canary. */
import type { Injector, Outcome, Outgoing } from '../contracts/injector.ts';
import { SENDINGS, type Sending } from '../domain/canary.ts';
import { commitOutcomes, type PlannedBeat, type SentBeat } from '../store/emit.ts';
import { type Engine, inputOf, type LivePipeline } from './live.ts';
import { untilCommitted } from './retry.ts';
import { within } from './within.ts';

/** One attempt is aborted after this, whatever the adapter's own time-out says. */
const ATTEMPT_MS = 60_000;
const REASONS_MAX = 20;

/** A committed beat that is ours to send. */
export interface OwnBeat {
  readonly pipeline: LivePipeline;
  readonly row: PlannedBeat;
}

interface Attempted {
  sending: Sending;
  firstMs: number;
  lastMs: number;
  attempts: number;
  reason: string | undefined;
  aliases: readonly string[];
}

/** Stronger outcomes stand: what may have been taken once isn't refused because a later try was. */
const RANK: Record<Sending, number> = { accepted: 4, maybe_sent: 3, refused: 2, unsent: 1, withheld: 0 };

/** Returns when what became of each canary is committed, by `commit` where many are committed together. */
export async function sendBeat(
  engine: Engine,
  beat: OwnBeat,
  commit = (row: SentBeat): Promise<void> =>
    untilCommitted(engine, 'emit.outcomes', () => commitOutcomes(engine.sql, [row])),
): Promise<readonly Sending[]> {
  const { clock } = engine.ctx;
  const waitMs = beat.row.due_ms - clock.now();
  if (waitMs > 0) await clock.sleep(waitMs, engine.stop).catch(() => {});
  const results = beat.row.targets.map(
    (): Attempted => ({
      sending: 'unsent',
      firstMs: 0,
      lastMs: 0,
      attempts: 0,
      reason: undefined,
      aliases: [],
    }),
  );
  const byInjector = new Map<Injector, number[]>();
  const injectors = new Map(beat.pipeline.targets.map(t => [t.number, t.injector]));
  for (const [i, target] of beat.row.targets.entries()) {
    const injector = injectors.get(target);
    if (injector) byInjector.set(injector, [...(byInjector.get(injector) ?? []), i]);
    else if (target === beat.pipeline.drill) results[i] = { ...results[i]!, sending: 'withheld' };
  }
  await Promise.all(
    [...byInjector].map(([injector, positions]) => attempt(engine, beat, { injector, positions, results })),
  );
  engine.instruments.add('canaries_sent', results.filter(r => r.sending === 'accepted').length);
  await commit(sentRow(beat, results));
  return results.map(r => r.sending);
}

async function attempt(
  engine: Engine,
  beat: OwnBeat,
  work: { injector: Injector; positions: readonly number[]; results: Attempted[] },
): Promise<void> {
  const { clock, random } = engine.ctx;
  const lateMs = Math.max(0, clock.now() - beat.row.due_ms);
  const endMono = clock.mono() + beat.pipeline.config.sendWithinMs - lateMs;
  let open = [...work.positions];
  for (let tries = 0; open.length > 0 && clock.mono() <= endMono && !engine.stop.aborted; tries++) {
    const startedMs = clock.now();
    const outgoing = open.map(i => outgoingOf(engine, beat, i, startedMs));
    const outcomes = await injectWithin(engine, work.injector, outgoing);
    const endedMs = clock.now();
    engine.instruments.add('send_attempts', open.length);
    let afterMs = Math.min(500 * 2 ** tries, 15_000) * (0.5 + random());
    open = open.filter((position, k) => {
      const outcome = outcomes[k] ?? {
        result: 'maybe_sent',
        reason: 'the injector gave no outcome',
        again: false,
      };
      note(work.results[position]!, outcome, startedMs, endedMs);
      if (outcome.result === 'accepted' || !outcome.again) return false;
      if (outcome.result === 'refused' && outcome.afterMs !== undefined)
        afterMs = Math.max(afterMs, outcome.afterMs);
      return true;
    });
    if (open.length > 0 && clock.mono() + afterMs <= endMono)
      await clock.sleep(afterMs, engine.stop).catch(() => {});
    else break;
  }
}

async function injectWithin(
  engine: Engine,
  injector: Injector,
  outgoing: readonly Outgoing[],
): Promise<readonly Outcome[]> {
  const { clock, log } = engine.ctx;
  const reason = `the attempt took longer than ${ATTEMPT_MS / 1000} s`;
  try {
    return await within({ clock, ms: ATTEMPT_MS, reason }, signal => injector.inject(outgoing, signal));
  } catch (error) {
    log('error', 'emit.injector_threw', { reason: String(error) });
    return outgoing.map(() => ({ result: 'maybe_sent', reason: `the injector failed: ${String(error)}` }));
  }
}

function outgoingOf(engine: Engine, beat: OwnBeat, i: number, nowMs: number): Outgoing {
  const { pipeline, row } = beat;
  const input = inputOf(
    engine,
    pipeline,
    { target: row.targets[i]!, slot: row.slot, index: row.index },
    nowMs,
  );
  const common = { token: input.token, uuid: input.uuid, slotMs: row.slot, target: input.target, input };
  return pipeline.source ? { ...common, event: pipeline.source.format.write(input) } : common;
}

function note(result: Attempted, outcome: Outcome, startedMs: number, endedMs: number): void {
  if (result.attempts === 0) result.firstMs = startedMs;
  result.attempts++;
  result.lastMs = endedMs;
  if (RANK[outcome.result] >= RANK[result.sending]) result.sending = outcome.result;
  if (outcome.result === 'accepted') result.aliases = outcome.aliases ?? [];
  else result.reason = outcome.reason;
}

function sentRow(beat: OwnBeat, results: readonly Attempted[]): SentBeat {
  const { row } = beat;
  const reasons = results
    .map((r, i) => [String(i), r.reason] as const)
    .filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && results[Number(entry[0])]?.sending !== 'accepted',
    )
    .slice(0, REASONS_MAX);
  return {
    pipeline: row.pipeline,
    slot: row.slot,
    part: row.part,
    owner: row.owner,
    sendings: results.map(r => SENDINGS.indexOf(r.sending)),
    first_offs: results.map(r => (r.attempts === 0 ? 0 : r.firstMs - row.due_ms)),
    last_offs: results.map(r => (r.attempts === 0 ? 0 : r.lastMs - row.due_ms)),
    attempts: results.map(r => Math.min(r.attempts, 32_000)),
    reasons: reasons.length > 0 ? Object.fromEntries(reasons) : null,
    aliases: results.flatMap((r, i) =>
      r.aliases.map(alias => ({ alias, target: row.targets[i]!, index: row.index })),
    ),
  };
}
