/**
 * Second looks at where beats wait for a proof of absence. Each must show that it sees: it proves nothing
 * unless it finds again a canary that was seen there, where the ledger has one (rule W3).
 */
import type { LookRange, Watch } from '../domain/watermark.ts';
import { type Witnessed, witnessed } from '../domain/witness.ts';
import { readSeenBeside } from '../store/look.ts';
import { type Ask, askRange } from './ask.ts';
import type { Engine } from './live.ts';
import type { Plan, SecondLook } from './plan.ts';

/** Looks that may fail in one round: each may take minutes, and the chain waits. */
const FAILS_MAX = 2;

/** A second look that ended whole, for the beats with slots from `firstMs` to `lastMs`. */
export interface Second {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly asOfMs: number;
}

/** A second look and what has to be found by it. */
export interface Sought extends Witnessed {
  readonly span: SecondLook['span'];
  isShown: boolean;
}

export interface SecondsEnd {
  readonly proofs: readonly Second[];
  /** Ended whole and didn't show what had been seen there. */
  readonly missed: number;
  /** Ended whole and did. */
  readonly shown: number;
  readonly failed: number;
}

/** What the plan's second looks have to find again. */
export async function seek(
  { sql }: Pick<Engine, 'sql'>,
  { lease, checkpoint: { rules } }: Ask['at'],
  watch: Watch,
  { first, seconds, within }: Pick<Plan, 'first' | 'seconds' | 'within'>,
  nowMs: number,
): Promise<{ readonly seconds: readonly Sought[]; readonly within: readonly Sought[] }> {
  const all = [...seconds, ...within];
  const beside = await readSeenBeside(
    sql,
    lease,
    all.map(s => s.span),
    { fromMs: nowMs - rules.keepsMs - Math.min(watch.skewLowMs, 0), seenByMs: nowMs - rules.settleMs },
  );
  const sought = all.map(({ range, span }, i): Sought => {
    const found = beside[i] ?? { before: null, after: null };
    return { ...witnessed(range, span, found, watch), span, isShown: false };
  });
  // The first look must reach what has to be found again too.
  const isWithin = (s: Sought, i: number) =>
    i >= seconds.length && s.apart === null && first.fromMs <= s.range.fromMs;
  return {
    seconds: sought.filter((s, i) => !isWithin(s, i)).sort((a, b) => a.span.first - b.span.first),
    within: sought.filter(isWithin),
  };
}

export function noteShown(sought: readonly Sought[], slotMs: number): void {
  for (const s of sought)
    s.isShown ||= s.witness !== null && s.witness.fromMs <= slotMs && slotMs <= s.witness.toMs;
}

/** Asks them, the newest first: what fails further back must not hold up what is young. */
export async function askSeconds(
  engine: Engine,
  ask: Omit<Ask, 'onFound' | 'carriesOn'>,
  sought: readonly Sought[],
): Promise<SecondsEnd> {
  const { settleMs } = ask.at.checkpoint.rules;
  const asked: Asked[] = [];
  let failed = 0;
  for (const s of sought.toReversed()) {
    const asOfMs = engine.ctx.clock.now() - settleMs;
    const isWhole = await askOne(engine, ask, s);
    if (isWhole) asked.push({ sought: s, range: s.range, asOfMs });
    else failed++;
    if (failed >= FAILS_MAX) break;
  }
  return { ...judged(asked), failed };
}

async function askOne(engine: Engine, ask: Omit<Ask, 'onFound' | 'carriesOn'>, s: Sought): Promise<boolean> {
  for (const range of s.apart ? [s.apart, s.range] : [s.range]) {
    const onFound = (slotMs: number) => noteShown([s], slotMs);
    const { end } = await askRange(engine, { ...ask, carriesOn: false, onFound }, range, undefined, 0);
    if (end !== 'exhausted') return false;
  }
  return true;
}

export interface Asked {
  readonly sought: Sought;
  /** What was asked. */
  readonly range: LookRange;
  readonly asOfMs: number;
}

/** What looks that ended whole have proven. */
export function judged(asked: readonly Asked[]): Omit<SecondsEnd, 'failed'> {
  const missed = asked.filter(({ sought }) => sought.witness !== null && !sought.isShown);
  const proofs = asked.filter(a => !missed.includes(a));
  return {
    proofs: proofs.map(({ sought: { span }, range: { fromMs, toMs }, asOfMs }) => ({
      firstMs: span.first,
      lastMs: span.last,
      fromMs,
      toMs,
      asOfMs,
    })),
    missed: missed.length,
    shown: proofs.filter(({ sought }) => sought.isShown).length,
  };
}
