/** `coalmine estimate`: what a rate of canaries finds, claims and costs, before one is sent. */
import type { Command } from 'commander';
import { formats } from '../domain/formats/index.ts';
import { parseDuration, parsePercent, parseRate, ratePer, WordsError, YEAR_MS } from '../domain/words.ts';
import { loadConfig, pipelineOf } from './lib/config.ts';
import { estimate, type Question } from './lib/estimate.ts';
import { estimateJson } from './lib/estimate-json.ts';
import { assumedPlan, type Changes, type Plan, planOf } from './lib/estimate-plan.ts';
import { estimateText } from './lib/estimate-text.ts';
import { EXIT, usageError } from './lib/exit.ts';
import { writeJson, writeLine } from './lib/output.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

interface Options {
  readonly config: string;
  readonly loss?: string;
  readonly within?: string;
  readonly affected?: string;
  readonly agents?: string;
  readonly every?: string;
  readonly targets?: string;
  readonly onTimeWithin?: string;
  readonly lostAfter?: string;
  readonly onTime?: string;
  readonly delivered?: string;
  readonly falseAlarms?: string;
  readonly format?: string;
  readonly json?: boolean;
}

export const estimateVerb = (program: Command): void => {
  withConfig(
    addVerb(program, 'estimate', {
      summary: 'which rate of canaries finds which loss, and what it costs',
      purpose:
        'Computes, before a canary is sent, what a pipeline’s canaries will find and when, with the detector that `coalmine run` uses; what may be claimed after a clean day; how many agents must carry a canary; what sending and looking cost the backend; and where one loss would trip a burn-rate rule. Without arguments for each pipeline of the configuration; with PIPELINE and flags, for that one as if it were set so; with flags alone, for one that isn’t there yet. --loss with --within turns it round: which rate is needed.',
      example: [
        'coalmine estimate --loss 1% --within 1h --false-alarms "1 per year" --targets 20 --on-time-within 5m',
        'Twenty agents, and a fault that loses one event in a hundred: how often must each send a canary, so that it is told of within the hour in 95 of 100 cases, by an alarm that is false once a year at most? Answers with `every:`, and with all that follows from it.',
      ],
      exits: { [EXIT.good]: 'answered, also where no rate will do' },
    }),
  )
    .argument('[pipeline]', 'of the configuration')
    .option('--loss <percent>', 'a loss to be found, such as 1%')
    .option('--within <duration>', 'how soon, such as 1h')
    .option('--affected <count>', 'of the targets: how many lose it (default: all)')
    .option('--every <duration>', 'how often each target sends a canary')
    .option('--targets <count>', 'how many targets')
    .option('--false-alarms <rate>', 'such as "1 per year"')
    .option('--on-time-within <duration>', 'the deadline D')
    .option('--lost-after <duration>', 'the deadline L (default without a pipeline: four times D)')
    .option('--on-time <percent>', 'the share that is to be on time')
    .option('--delivered <percent>', 'the share that is to be delivered')
    .option('--agents <count>', 'how many agents there are, with canaries or without')
    .option('--format <name>', 'the event’s format, without a pipeline')
    .action(
      ends(async (name: string | undefined, options: Options) => {
        const changes = changesOf(options);
        const question = questionOf(options);
        const plans = await plansOf(name, options, changes, question);
        const { wanted } = question;
        for (const plan of plans) check(plan, wanted?.affected);
        const estimates = plans.map(plan => estimate(plan, question, seeded));
        if (options.json) await writeJson({ data: estimates.map(estimateJson) });
        else
          for (const [i, e] of estimates.entries()) await writeLine(`${i > 0 ? '\n' : ''}${estimateText(e)}`);
        return EXIT.good;
      }),
    );
};

async function plansOf(
  name: string | undefined,
  options: Options,
  changes: Changes,
  { wanted, agents }: Question,
): Promise<Plan[]> {
  if (name !== undefined) {
    if (options.format !== undefined)
      throw usageError('--format is for estimates without a pipeline: its configuration says its own');
    return [await planOf(pipelineOf(await loadConfig(options.config), name), changes)];
  }
  const bare =
    Object.keys(changes).length === 0 && options.format === undefined && wanted === null && agents === null;
  if (!bare) return [withFormat(await assumedPlan(changes), options.format)];
  const plans: Plan[] = [];
  for (const p of (await loadConfig(options.config)).pipelines) plans.push(await planOf(p, changes));
  return plans;
}

function withFormat(plan: Plan, format: string | undefined): Plan {
  if (format === undefined || plan.event === null) return plan;
  if (!formats.has(format))
    throw usageError(`expected --format of ${[...formats.keys()].join(', ')}, found ${format}`);
  return { ...plan, event: { ...plan.event, format } };
}

const TARGETS_MAX = 100_000;
const AGENTS_MAX = 10_000_000;
const EVERY_MIN_MS = 100;
const EVERY_MAX_MS = 7 * 86_400_000;

function changesOf(o: Options): Changes {
  const everyMs = read('--every', o.every, parseDuration);
  if (everyMs !== undefined && !(everyMs >= EVERY_MIN_MS && everyMs <= EVERY_MAX_MS))
    throw usageError(`expected --every of 100ms to 7d, found ${o.every}`);
  const falseAlarmsPerYear = read('--false-alarms', o.falseAlarms, text => ratePer(parseRate(text), YEAR_MS));
  if (falseAlarmsPerYear === 0) throw usageError('expected --false-alarms above 0: no alarm is never false');
  const all = {
    everyMs,
    targets: wholeOf('--targets', o.targets, TARGETS_MAX),
    onTimeWithinMs: above(
      '--on-time-within',
      o.onTimeWithin,
      read('--on-time-within', o.onTimeWithin, parseDuration),
    ),
    lostAfterMs: above('--lost-after', o.lostAfter, read('--lost-after', o.lostAfter, parseDuration)),
    onTime: above('--on-time', o.onTime, read('--on-time', o.onTime, parsePercent)),
    delivered: above('--delivered', o.delivered, read('--delivered', o.delivered, parsePercent)),
    falseAlarmsPerYear,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function questionOf(o: Options): Question {
  const loss = above('--loss', o.loss, read('--loss', o.loss, parsePercent));
  const withinMs = above('--within', o.within, read('--within', o.within, parseDuration));
  const affected = wholeOf('--affected', o.affected, TARGETS_MAX);
  if ((loss === undefined) !== (withinMs === undefined))
    throw usageError('--loss and --within belong together, such as --loss 1% --within 1h');
  if (affected !== undefined && loss === undefined)
    throw usageError('--affected goes with --loss and --within');
  const wanted =
    loss === undefined || withinMs === undefined
      ? null
      : { loss, withinMs, ...(affected === undefined ? {} : { affected }) };
  return { wanted, agents: wholeOf('--agents', o.agents, AGENTS_MAX) ?? null };
}

/** What only the plan as a whole can tell. */
function check(plan: Plan, affected: number | undefined): void {
  for (const { config } of plan.checkpoints)
    if (config.lostAfterMs <= config.onTimeWithinMs)
      throw usageError(`${config.name}: expected lost_after above on_time_within`);
  if (plan.onTime > plan.delivered)
    throw usageError('expected --delivered of at least --on-time: what is on time is delivered');
  if (affected !== undefined && affected > plan.targets)
    throw usageError(`expected --affected of at most ${plan.targets} targets, found ${affected}`);
}

function read<T>(flag: string, text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof WordsError) throw usageError(`${flag}: ${error.message}`);
    throw error;
  }
}

function above(flag: string, text: string | undefined, value: number | undefined): number | undefined {
  if (value === 0) throw usageError(`expected ${flag} above 0, found ${text}`);
  return value;
}

function wholeOf(flag: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= 1 && value <= max) return value;
  throw usageError(`expected ${flag} as a whole number from 1 to ${max}, found ${text}`);
}

/** mulberry32 from a fixed seed: the same question has the same answer. */
function seeded(): () => number {
  let a = 20_240_902;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
