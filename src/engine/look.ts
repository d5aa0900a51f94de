/**
 * The step `look`: asks a checkpoint, hands what it finds to `sight`, and lets the watermark move only as far as the
 * answer proves. A look that fails, throttles, truncates or never ends moves nothing.
 */
import type { Json } from '../contracts/observer.ts';
import { advance, inTime, type LookFacts, type LookRange, type Watch } from '../domain/watermark.ts';
import type { OpenCanaries } from '../store/look.ts';
import type { Evidence } from '../store/sight.ts';
import { type Ask, askRange, type End, newTally } from './ask.ts';
import type { Engine } from './live.ts';
import { planRound, takeTurns } from './plan.ts';
import { askSeconds, judged, noteShown, type Second, type SecondsEnd, seek } from './seconds.ts';

export type { Second } from './seconds.ts';

export type At = Ask['at'] & {
  /** What is open here; null: it wasn't asked for. */
  readonly open: OpenCanaries | null;
  /** Commits the look's end, with its last page. Throws LeaseLostError. */
  readonly commitEnd: (evidence: Evidence) => Promise<void>;
};

/** How a round of looking went: the watch it left, and the second looks' reach for `settle`. */
export interface Round {
  readonly watch: Watch;
  readonly seconds: readonly Second[];
  /** Whether it left anything in the inbox. */
  readonly news: boolean;
  /** Where a follow goes on. */
  readonly cursor: Json | undefined;
}

/** One round of looking at one checkpoint, from plan to commit. */
export async function look(engine: Engine, at: At, known: Watch, cursor: Json | undefined): Promise<Round> {
  const { clock } = engine.ctx;
  const { rules } = at.checkpoint;
  const startedMs = clock.now();
  const watch = inTime(known, startedMs);
  const plan = planRound(at.checkpoint, at.open, watch, startedMs);
  const sought = await seek(engine, at, watch, plan, startedMs);
  const tally = newTally(cursor);
  const ask = { at, watch, startedMs, tally };
  const { first } = plan;
  let oldestMs: number | null = null;
  const onFound = (slotMs: number) => {
    oldestMs = Math.min(oldestMs ?? slotMs, slotMs);
    noteShown(sought.within, slotMs);
  };
  const end = await askRange(engine, { ...ask, carriesOn: true, onFound }, first, cursor, 0);
  const isWhole = end.end === 'exhausted';
  // It alone moves W: what others find again doesn't show that it sees.
  const { anchorFound } = tally;
  const seconds = isWhole ? await askSeconds(engine, ask, sought.seconds) : NONE;
  if (isWhole) await askSearches(engine, ask, plan.searches);
  const asOfMs = startedMs - rules.settleMs;
  const within = judged(isWhole ? sought.within.map(s => ({ sought: s, range: first, asOfMs })) : []);
  const facts: LookFacts = {
    startedMs,
    endedMs: clock.now(),
    ...end,
    records: tally.records,
    found: tally.found,
    anchorFound,
    newest: tally.newest,
    skewMs: tally.skew,
    fromMs: first.by === 'follow' ? null : first.fromMs,
    oldestMs,
    forgets: forgets([seconds, within], at.open),
    gap: tally.gap,
    retryAfterMs: tally.retryAfterMs,
  };
  const turns = { startedMs, end: turnsEnd(end, seconds) };
  const next = takeTurns(advance(watch, facts, rules), plan, at.checkpoint, turns);
  engine.instruments.add(`looks_${end.end}`);
  if (next.vanished && !watch.vanished)
    tally.findings.push({ kind: 'vanished', at_ms: startedMs, count: 1, sample: null });
  const { held, news } = tally;
  const evidence: Evidence = { rows: [], ...held?.evidence, watch: next };
  const findings = [...(held?.evidence.findings ?? []), ...tally.findings];
  await at.commitEnd({ ...evidence, findings });
  at.known.add(held?.sightings ?? []);
  at.known.turn();
  return { watch: next, seconds: [...seconds.proofs, ...within.proofs], news, cursor: tally.cursor };
}

/** Until one fails: what it should have shown is searched for again, and nothing is proven by it. */
async function askSearches(
  engine: Engine,
  ask: Omit<Ask, 'onFound' | 'carriesOn'>,
  searches: readonly LookRange[],
): Promise<void> {
  for (const range of searches.toReversed()) {
    const { end } = await askRange(
      engine,
      { ...ask, carriesOn: false, onFound: () => {} },
      range,
      undefined,
      0,
    );
    if (end !== 'exhausted') return;
  }
}

const NONE: SecondsEnd = { proofs: [], missed: 0, shown: 0, failed: 0 };

/** Nothing that waits far back leaves nothing to be forgotten. */
function forgets(
  ends: readonly Pick<SecondsEnd, 'missed' | 'shown'>[],
  open: OpenCanaries | null,
): boolean | null {
  if (ends.some(e => e.missed > 0)) return true;
  return open?.due.length === 0 || ends.some(e => e.shown > 0) ? false : null;
}

function turnsEnd({ end }: End, { missed, failed }: SecondsEnd): 'whole' | 'partly' | 'failed' {
  if (end !== 'exhausted') return 'failed';
  return missed + failed > 0 ? 'partly' : 'whole';
}
