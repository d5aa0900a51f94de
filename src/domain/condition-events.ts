/** Conditions that are events: counted findings. They open by a count or a rate, and end when nothing new came for an hour. Pure. */
import { type ConditionKind, type Signal, stateSignal } from './conditions.ts';
import { clip, plural, utc, utcSpan } from './saying.ts';
import { formatPercent } from './words.ts';

/** A finding of one clock hour, as the store counts it. */
export interface FindingReading {
  readonly checkpoint: number;
  readonly kind: string;
  readonly hourMs: number;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly sample: unknown;
}

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What happens to fewer canaries than this is ordinary; and fewer than so many are no rate. */
const SHARE = 0.01;
const COUNT_MIN = 3;

interface EventRule {
  readonly kind: ConditionKind;
  /** `any`: the first one. `rate`: beyond 1% of the canaries that were due. */
  readonly opens: 'any' | 'rate';
  /** It isn't the matter of one checkpoint. */
  readonly whole?: true;
  /** At most one incident a day: anybody can cause it. */
  readonly daily?: true;
  readonly one: string;
  readonly many: string;
  /** What a sample adds to the sentence. */
  readonly more?: (sample: unknown) => string | null;
}

/** Where a use of the identity came from, where its record tells. */
function fromOf(sample: unknown): string | null {
  const from = typeof sample === 'object' && sample !== null && 'from' in sample ? sample.from : null;
  return typeof from === 'string' && from !== '' ? `the newest from ${clip(from, 45)}` : null;
}

/** By the kind of the finding. */
const RULES: Readonly<Record<string, EventRule>> = {
  altered: {
    kind: 'altered',
    opens: 'any',
    one: 'canary arrived with fields changed, cut off or missing',
    many: 'canaries arrived with fields changed, cut off or missing',
  },
  identity_used: {
    kind: 'identity_used',
    opens: 'any',
    one: 'event bears the identity of the canaries without being one',
    many: 'events bear the identity of the canaries without being one',
    more: fromOf,
  },
  forged: {
    kind: 'forged',
    opens: 'any',
    whole: true,
    daily: true,
    one: 'token with a wrong signature was read',
    many: 'tokens with a wrong signature were read',
  },
  drill_seen: {
    kind: 'drill_seen',
    opens: 'any',
    one: 'canary that was withheld on purpose was seen',
    many: 'canaries that were withheld on purpose were seen',
  },
  orphan: {
    kind: 'orphans',
    opens: 'any',
    one: 'canary with a valid signature that this ledger doesn’t know was seen',
    many: 'canaries with a valid signature that this ledger doesn’t know were seen',
  },
  echo: {
    kind: 'echoes',
    opens: 'rate',
    one: 'record held a token and was not its event',
    many: 'records held a token and were not its event',
  },
  duplicate: {
    kind: 'duplicates',
    opens: 'rate',
    one: 'copy of a canary was seen beyond those that we sent',
    many: 'copies of canaries were seen beyond those that we sent',
  },
  reordered: {
    kind: 'reordering',
    opens: 'rate',
    one: 'canary arrived out of order',
    many: 'canaries arrived out of order',
  },
  false_absence: {
    kind: 'false_absence',
    opens: 'rate',
    one: 'look did not show a canary that the backend already had',
    many: 'looks did not show a canary that the backend already had',
  },
  clock_step: {
    kind: 'clock_step',
    opens: 'any',
    whole: true,
    one: 'jump of our clock against the time that had passed',
    many: 'jumps of our clock against the time that had passed',
  },
};

export const EVENT_FINDINGS: readonly string[] = Object.keys(RULES);

export interface EventsAt {
  readonly nowMs: number;
  /** Canaries that are due in an hour. */
  readonly perHour: number;
  readonly nameOf: (checkpoint: number) => string | null;
}

/** What the findings of the last two hours signal. */
export function eventSignals(findings: readonly FindingReading[], at: EventsAt): Signal[] {
  const groups = new Map<string, FindingReading[]>();
  for (const f of findings) {
    const rule = RULES[f.kind];
    if (!rule) continue;
    const key = `${f.kind} ${rule.whole ? 0 : f.checkpoint}`;
    groups.set(key, [...(groups.get(key) ?? []), f]);
  }
  return [...groups.values()].flatMap(group => {
    const rule = RULES[group[0]?.kind ?? ''];
    return rule ? [signalOf(rule, group, at)] : [];
  });
}

function signalOf(rule: EventRule, all: readonly FindingReading[], at: EventsAt): Signal {
  const { nowMs, perHour, nameOf } = at;
  const newest = Math.max(...all.map(f => f.lastMs));
  const lasts = nowMs - newest < HOUR_MS;
  const counted = lasts ? all.filter(f => nowMs - f.lastMs < HOUR_MS) : all;
  const count = counted.reduce((n, f) => n + f.count, 0);
  const firstMs = Math.min(...counted.map(f => f.firstMs));
  const fromMs = Math.min(...counted.map(f => f.hourMs));
  const due = Math.max(1, (perHour * (nowMs - fromMs)) / HOUR_MS);
  const share = Math.min(1, count / due);
  const isRate = rule.opens === 'rate';
  const places = [...new Set(counted.map(f => f.checkpoint))].sort((a, b) => a - b);
  const names = places.flatMap(p => nameOf(p) ?? []);
  const where = names.length > 0 ? ` at ${names.join(', ')}` : '';
  const rate = isRate ? `, ${formatPercent(share)} of the canaries that were due` : '';
  const samples = counted.toSorted((a, b) => b.lastMs - a.lastMs).map(f => f.sample);
  const sample = samples.find(s => s !== null && s !== undefined) ?? null;
  const more = rule.more?.(sample) ?? null;
  return stateSignal(rule.kind, rule.whole ? 0 : (places[0] ?? 0), {
    state: lasts ? 'lasts' : 'over',
    opens: lasts && (!isRate || (count >= COUNT_MIN && count > SHARE * due)),
    beganMs: firstMs,
    overMs: newest,
    unlessSinceMs: rule.daily ? nowMs - DAY_MS : null,
    facts: {
      reason: `${plural(count, rule.one, rule.many)}${where}, ${spanOf(firstMs, newest)}${rate}${more === null ? '' : `; ${more}`}`,
      count,
      sample,
    },
  });
}

const spanOf = (firstMs: number, lastMs: number): string =>
  lastMs - firstMs < 1_000 ? utc(lastMs) : utcSpan(firstMs, lastMs);

/** When our clock last stepped, by the findings; null: not within two hours. */
export function steppedMs(findings: readonly FindingReading[]): number | null {
  const steps = findings.filter(f => f.kind === 'clock_step').map(f => f.lastMs);
  return steps.length > 0 ? Math.max(...steps) : null;
}
