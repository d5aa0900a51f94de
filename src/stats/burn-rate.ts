/**
 * Multi-window burn rates (SRE workbook, chapter 5): how fast an error budget goes. With few canaries a single loss
 * trips a naive rule, so a rule here also asks for a minimum of losses.
 */

export interface BurnRateRule {
  readonly severity: 'page' | 'ticket';
  /** How many times faster than the budget allows. */
  readonly factor: number;
  readonly longMs: number;
  /** Ends the alert soon after the loss ends. */
  readonly shortMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The workbook's rules for a 30-day objective, the most urgent first. */
export const BURN_RATE_RULES: readonly BurnRateRule[] = [
  { severity: 'page', factor: 14.4, longMs: HOUR, shortMs: 5 * MINUTE },
  { severity: 'page', factor: 6, longMs: 6 * HOUR, shortMs: 30 * MINUTE },
  { severity: 'ticket', factor: 3, longMs: DAY, shortMs: 2 * HOUR },
  { severity: 'ticket', factor: 1, longMs: 3 * DAY, shortMs: 6 * HOUR },
];

/** One loss is an accident, two in one window are the least that can be a rate. */
export const LOSSES_MIN = 2;

/** Decided canaries of one window, and those of them that missed the objective. */
export interface WindowCount {
  readonly losses: number;
  readonly n: number;
}

/** Share lost ÷ share that may be lost. Undefined when n = 0: without canaries there is no rate. */
export function burnRate({ losses, n }: WindowCount, objective: number): number | undefined {
  return n === 0 ? undefined : losses / n / budgetOf(objective);
}

/** Whether a rule fires: both windows burn at its factor or more, on at least `lossesMin` losses in the long one. */
export function burns(
  rule: BurnRateRule,
  counts: { readonly long: WindowCount; readonly short: WindowCount },
  { objective, lossesMin = LOSSES_MIN }: { readonly objective: number; readonly lossesMin?: number },
): boolean {
  // The slack: 1 − .999 isn't .001 in binary.
  const fast = (count: WindowCount): boolean => (burnRate(count, objective) ?? 0) >= rule.factor * (1 - 1e-9);
  return counts.long.losses >= lossesMin && fast(counts.long) && fast(counts.short);
}

/** The share of a period's budget that is gone when a rule has just fired. */
export const budgetSpent = (rule: BurnRateRule, periodMs = 30 * DAY): number =>
  (rule.factor * rule.longMs) / periodMs;

/** How many canaries a minute it takes until the factor alone can't be reached with fewer than `losses`. */
export const canariesPerMinuteNeeded = (
  rule: BurnRateRule,
  { objective, losses }: { readonly objective: number; readonly losses: number },
): number => losses / (rule.factor * budgetOf(objective) * (rule.longMs / MINUTE));

function budgetOf(objective: number): number {
  if (!(objective > 0 && objective < 1)) {
    throw new RangeError(`expected an objective strictly between 0 and 1, such as 0.999; found ${objective}`);
  }
  return 1 - objective;
}
