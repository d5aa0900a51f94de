/**
 * What shows that a second look sees (rule W3): it holds no anchor of its own, so where the ledger has canaries seen
 * beside those in question, it must find one of them again. A backend whose old data is away answers like an empty one.
 */
import type { LookRange } from './look-range.ts';
import { SKEW_ALLOWANCE_MS, SLACK_MS, type Watch } from './watch.ts';

/** Slots of canaries that were seen; of those between, too, any one will do. */
export interface SeenSpan {
  readonly first: number;
  readonly last: number;
  /** The last attempt of any. */
  readonly sent: number;
}

/** What was seen beside a span of canaries. */
export interface SeenBeside {
  /** Up to and with the span's first slot. */
  readonly before: SeenSpan | null;
  /** From its last slot on. */
  readonly after: SeenSpan | null;
}

/** At least one canary with a slot from `fromMs` to `toMs` must be found. */
export interface Witness {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Witnessed {
  readonly witness: Witness | null;
  readonly range: LookRange;
  /** The witness stands too far away to read all that is between: it is asked for by itself. */
  readonly apart: LookRange | null;
}

type Skew = Pick<Watch, 'skewLowMs' | 'skewHighMs'>;

/**
 * The range, widened to where the nearest canary seen stands. Rather one from before those in question, since what is old is
 * what goes away.
 */
export function witnessed(
  range: LookRange,
  span: { readonly first: number; readonly last: number },
  { before, after }: SeenBeside,
  watch: Skew,
): Witnessed {
  if (range.by === 'ingest') return sinceSeen(range, span, { before, after });
  if (before) {
    const fromMs = Math.max(before.first, before.last - SKEW_ALLOWANCE_MS);
    return reaching(range, { fromMs, toMs: span.first }, placeOf({ ...before, first: fromMs }, watch));
  }
  if (!after) return { witness: null, range, apart: null };
  return reaching(range, { fromMs: span.last, toMs: after.last }, placeOf(after, watch));
}

/**
 * By ingest time a look ends now, so it holds what was seen after its beginning, however late; only what was seen shortly before
 * is worth beginning earlier for.
 */
function sinceSeen(
  range: LookRange,
  span: { readonly first: number; readonly last: number },
  { before, after }: SeenBeside,
): Witnessed {
  const { first: toMs } = span;
  const fromMs = before && Math.max(before.first, before.last - SKEW_ALLOWANCE_MS);
  if (fromMs !== null && fromMs >= toMs - 2 * SKEW_ALLOWANCE_MS)
    return {
      witness: { fromMs, toMs },
      range: { ...range, fromMs: range.fromMs - (toMs - fromMs) },
      apart: null,
    };
  const witness = after && { fromMs: span.last, toMs: after.last };
  return { witness, range, apart: null };
}

function reaching(range: LookRange, witness: Witness, place: LookRange): Witnessed {
  const isNear =
    place.fromMs >= range.fromMs - SKEW_ALLOWANCE_MS && place.toMs <= range.toMs + SKEW_ALLOWANCE_MS;
  if (!isNear) return { witness, range, apart: place };
  const fromMs = Math.min(range.fromMs, place.fromMs);
  return { witness, range: { ...range, fromMs, toMs: Math.max(range.toMs, place.toMs) }, apart: null };
}

/** Where records of these may stand that were seen before. */
const placeOf = ({ first, sent }: SeenSpan, { skewLowMs, skewHighMs }: Skew): LookRange => ({
  by: 'event',
  fromMs: first + skewLowMs - SLACK_MS,
  toMs: sent + Math.max(skewHighMs, 0) + SLACK_MS + 1,
});
