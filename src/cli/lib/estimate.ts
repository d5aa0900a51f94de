/** `coalmine estimate`: everything that follows from a plan before a single canary is sent. The answer is its own JSON. */
import type { EventConfig } from '../../config/config.ts';
import { createTemplate, formats } from '../../domain/formats/index.ts';
import { TOKEN_LENGTH, TOKEN_PREFIX } from '../../domain/token.ts';
import { DAY_MS, HOUR_MS } from '../../domain/words.ts';
import {
  BURN_RATE_RULES,
  burnRate,
  burns,
  canariesPerMinuteNeeded,
  LOSSES_MIN,
} from '../../stats/burn-rate.ts';
import { clopperPearsonUpper, zeroLossSampleSize } from '../../stats/intervals.ts';
import { agentsToCover, firstAgentFailsMs, missChance, onsetDetectionMs } from '../../stats/planning.ts';
import {
  type Found,
  findFault,
  longestPeriod,
  slowestMs,
  thresholdFor,
  type Wanted,
} from './estimate-find.ts';
import { lookCost } from './estimate-looks.ts';
import type { Plan } from './estimate-plan.ts';

/** A loss that must be found in time; and how many agents there are beyond those that carry a canary. */
export interface Question {
  readonly wanted: { readonly loss: number; readonly affected?: number; readonly withinMs: number } | null;
  readonly agents: number | null;
}

export interface Estimate {
  readonly plan: Plan;
  readonly canariesPerDay: number;
  readonly threshold: number;
  readonly wanted:
    | (Wanted & { readonly loss: number; readonly affected: number; readonly withinMs: number })
    | null;
  readonly faults: readonly Found[];
  readonly onsets: readonly Onset[];
  readonly clean: readonly Clean[];
  /** How long everything must arrive until the objective may be claimed. */
  readonly claim: { readonly canaries95: number; readonly canaries99: number; readonly afterMs95: number };
  readonly agents: readonly Agents[];
  readonly bytesPerCanary: number | null;
  readonly looks: readonly Looks[];
  readonly burnRates: readonly BurnRate[];
}

/** A fault that spreads as 1 − e^(−t/τ). Times are medians. */
export interface Onset {
  readonly tauMs: number;
  /** Each canary meets any agent: until the second one has missed its deadline. */
  readonly secondLossMs: number;
  /** Each target is an agent: until the first of them has failed and missed its deadline. */
  readonly firstTargetMs: number;
}

/** Of a time in which every canary came back: the loss rate is below this, with confidence. */
export interface Clean {
  readonly days: number;
  readonly canaries: number;
  readonly below95: number;
  readonly below99: number;
}

export interface Agents {
  readonly agents: number;
  readonly affected: number;
  /** How many must carry a canary to meet an affected one, 95%. */
  readonly cover: number;
  /** The chance that those of the plan meet one. */
  readonly met: number;
}

/** Of a day. */
export interface Looks {
  readonly checkpoint: string;
  readonly kind: string;
  readonly way: 'query' | 'follow' | 'receive';
  readonly looks: number;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly askedMs: number | null;
}

export interface BurnRate {
  readonly objective: 'on_time' | 'delivered';
  readonly severity: 'page' | 'ticket';
  readonly factor: number;
  readonly longMs: number;
  /** In the long window. */
  readonly canaries: number;
  /** How many times too fast one loss alone burns; null where the window holds no canary. */
  readonly oneLossBurns: number | null;
  /** A rule without a minimum of losses would fire at one. */
  readonly oneLossFires: boolean;
  readonly perMinuteForTwo: number;
  readonly perMinuteForThree: number;
}

const TAUS_MS = [10 * DAY_MS, 100 * DAY_MS];
const LOSSES = [1, 0.25, 0.05, 0.01];
const AGENTS = [
  [100, 1],
  [100, 5],
  [100, 10],
  [1000, 10],
  [1000, 50],
] as const;
const DRILLS_PER_LOST = 4;

/** @param randomOf starts the same sequence of numbers anew: equal plans have equal answers. */
export function estimate(given: Plan, question: Question, randomOf: () => () => number): Estimate {
  const wanted = question.wanted && {
    affected: given.targets,
    ...question.wanted,
    ...longestPeriod(given, { affected: given.targets, ...question.wanted }, randomOf),
  };
  const plan = wanted && wanted.everyMs !== null ? { ...given, everyMs: wanted.everyMs } : given;
  const canariesPerDay = (plan.targets * DAY_MS) / plan.everyMs;
  const loss = 1 - plan.delivered;
  const needed = (confidence: number) =>
    loss > 1e-12 ? zeroLossSampleSize({ loss, confidence }) : Number.POSITIVE_INFINITY;
  const bytes = plan.event && bytesOf(plan.event);
  return {
    plan,
    canariesPerDay,
    threshold: thresholdFor(plan),
    wanted,
    faults: faultsOf(plan).map(fault => findFault(plan, fault, randomOf)),
    onsets: TAUS_MS.map(tauMs => onsetOf(plan, tauMs)),
    clean: [1, 30].map(days => cleanOf(days, Math.floor(days * canariesPerDay))),
    claim: {
      canaries95: needed(0.95),
      canaries99: needed(0.99),
      afterMs95: (needed(0.95) / canariesPerDay) * DAY_MS,
    },
    agents: agentsOf(plan, question.agents),
    bytesPerCanary: bytes,
    looks: plan.checkpoints.map(c => looksOf(plan, c, bytes)),
    burnRates: (['delivered', 'on_time'] as const).flatMap(objective => burnRatesOf(plan, objective)),
  };
}

const faultsOf = ({ targets }: Plan): { readonly loss: number; readonly affected: number }[] => [
  ...LOSSES.map(loss => ({ loss, affected: targets })),
  ...(targets > 1 ? LOSSES.map(loss => ({ loss, affected: 1 })) : []),
];

function onsetOf(plan: Plan, tauMs: number): Onset {
  const deadlineMs = slowestMs(plan, 'on_time');
  const everyMs = plan.everyMs / plan.targets;
  return {
    tauMs,
    secondLossMs: onsetDetectionMs({ tauMs, everyMs, deadlineMs, losses: 2, quantile: 0.5 }),
    firstTargetMs: firstAgentFailsMs({ tauMs, covered: plan.targets, quantile: 0.5 }) + deadlineMs,
  };
}

const cleanOf = (days: number, canaries: number): Clean => ({
  days,
  canaries,
  below95: clopperPearsonUpper({ losses: 0, n: canaries, alpha: 0.05 }),
  below99: clopperPearsonUpper({ losses: 0, n: canaries, alpha: 0.01 }),
});

function agentsOf({ targets }: Plan, given: number | null): Agents[] {
  const share = (agents: number) => [0.01, 0.05, 0.1].map(s => Math.max(1, Math.round(agents * s)));
  const asked =
    given === null ? AGENTS : [...new Set([1, ...share(given)])].map(affected => [given, affected] as const);
  return asked.map(([agents, affected]) => ({
    agents,
    affected,
    cover: agentsToCover({ agents, affected, confidence: 0.95 }),
    met: 1 - missChance({ agents, affected, covered: Math.min(agents, targets) }),
  }));
}

/** Of the event as its format writes it: what carries it, and what a backend stores beside it, comes on top. */
export function bytesOf(event: EventConfig): number {
  const format =
    event.format === 'template' ? createTemplate(event.template ?? '') : formats.get(event.format);
  if (!format) throw new Error(`no event format ${event.format}`);
  const { text } = format.write({
    token: TOKEN_PREFIX.padEnd(TOKEN_LENGTH, 'x'),
    uuid: '00000000-0000-8000-8000-000000000000',
    slotMs: 1_700_000_000_000,
    nowMs: 1_700_000_000_000,
    target: 'target-1',
    pipeline: 'pipeline',
    host: 'target-1',
    sourcePort: 50_000,
    user: event.user,
    sourceIp: event.sourceIp,
    userAgent: event.userAgent,
  });
  return new TextEncoder().encode(text).length;
}

function looksOf(plan: Plan, checkpoint: Plan['checkpoints'][number], bytes: number | null): Looks {
  const { config, rules } = checkpoint;
  const slowest = Math.max(...plan.checkpoints.map(c => c.config.lostAfterMs));
  const { looks, rows, askedMs } = lookCost(checkpoint, {
    everyMs: plan.everyMs,
    targets: plan.targets,
    drillEveryMs: Math.min(slowest / DRILLS_PER_LOST, HOUR_MS),
    delayMs: config.onTimeWithinMs / 3,
  });
  return {
    checkpoint: config.name,
    kind: config.observe.kind,
    way: rules.way,
    looks,
    rows,
    bytes: rows === null || bytes === null ? null : rows * bytes,
    askedMs,
  };
}

function burnRatesOf(plan: Plan, objective: 'on_time' | 'delivered'): BurnRate[] {
  const share = objective === 'on_time' ? plan.onTime : plan.delivered;
  if (!(share < 1)) return [];
  const inWindow = (ms: number) => Math.floor((plan.targets * ms) / plan.everyMs);
  return BURN_RATE_RULES.map(rule => {
    const canaries = inWindow(rule.longMs);
    const one = { losses: 1, n: Math.max(1, canaries) };
    const short = { losses: 1, n: Math.max(1, inWindow(rule.shortMs)) };
    return {
      objective,
      severity: rule.severity,
      factor: rule.factor,
      longMs: rule.longMs,
      canaries,
      oneLossBurns: canaries === 0 ? null : (burnRate(one, share) ?? null),
      oneLossFires: burns(rule, { long: one, short }, { objective: share, lossesMin: 1 }),
      perMinuteForTwo: canariesPerMinuteNeeded(rule, { objective: share, losses: LOSSES_MIN }),
      perMinuteForThree: canariesPerMinuteNeeded(rule, { objective: share, losses: LOSSES_MIN + 1 }),
    };
  });
}
