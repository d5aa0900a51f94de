/**
 * `npm run sim -- …`: many seeds in child processes, one seed with its trace, a plan from a file, the shrinker, the mutants.
 * Whoever starts it names the server (`scripts/sim.mjs` starts a private one). 0: nothing found, 1: something is, 2: wrong usage.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { OpenOptions } from '../store/open.ts';
import { runOne, type SeedResult } from './cli-run.ts';
import { runSeeds } from './cli-seeds.ts';
import { summaryOf } from './cli-summary.ts';
import { planOf } from './generate.ts';
import { kindOf } from './laws.ts';
import { runMutants } from './mutants-run.ts';
import type { Plan } from './plan.ts';
import { shrink } from './shrink.ts';

export const USAGE = `npm run sim -- --seeds N [--from N] [--jobs N]   runs seeds N, N + 1, … in child processes (default: as many as cores)
npm run sim -- --seed N [--trace FILE]           runs one, with what happened line by line
npm run sim -- --plan FILE [--trace FILE]        replays a plan
npm run sim -- --seed N | --plan FILE --shrink [--out FILE] [--runs N]   cuts a failing plan down
npm run sim -- --mutants [--only NAME] [--from N] [--seeds N]            what catches which planted bug
and with each: --brief (short storms), --json, --store postgres://…`;

const OPTIONS = {
  seeds: { type: 'string' },
  from: { type: 'string' },
  jobs: { type: 'string' },
  seed: { type: 'string' },
  trace: { type: 'string' },
  plan: { type: 'string' },
  shrink: { type: 'boolean' },
  runs: { type: 'string' },
  out: { type: 'string' },
  mutants: { type: 'boolean' },
  only: { type: 'string' },
  brief: { type: 'boolean' },
  json: { type: 'boolean' },
  store: { type: 'string' },
} as const;

export interface SimIo {
  readonly store: OpenOptions;
  readonly out: (text: string) => void;
  /** Progress. */
  readonly say: (text: string) => void;
}

type Values = ReturnType<typeof parse>;
const parse = (args: readonly string[]) =>
  parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;

/** Which server is named, if one is: before anything is started. Throws for wrong usage. */
export const storeNamed = (args: readonly string[]): OpenOptions | undefined => {
  const { store } = parse(args);
  return store === undefined ? undefined : { url: store };
};

/** Runs what the arguments say; resolves with the exit code. */
export async function main(args: readonly string[], io: SimIo): Promise<number> {
  try {
    const values = parse(args);
    if (values.mutants) return await mutants(values, io);
    if (values.plan !== undefined || values.seed !== undefined) return await one(values, io);
    if (values.seeds !== undefined) return await seeds(values, io);
    throw new UsageError('say what to run');
  } catch (error) {
    if (!(error instanceof UsageError) && !isParseError(error)) throw error;
    io.say(`${error.message}\n\n${USAGE}\n`);
    return 2;
  }
}

class UsageError extends Error {}

const isParseError = (error: unknown): error is Error =>
  error instanceof Error && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');

function numberOf(values: Values, name: 'seeds' | 'from' | 'jobs' | 'seed' | 'runs', or: number): number {
  const text = values[name];
  if (text === undefined) return or;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name}: expected a whole number, found ${JSON.stringify(text)}`);
}

async function seeds(values: Values, { store, out, say }: SimIo): Promise<number> {
  const [count, from] = [numberOf(values, 'seeds', 1), numberOf(values, 'from', 0)];
  const jobs = Math.max(1, Math.min(numberOf(values, 'jobs', availableParallelism()), count));
  const results: SeedResult[] = [];
  const work = {
    store,
    isBrief: values.brief ?? false,
    seeds: Array.from({ length: count }, (_, i) => from + i),
  };
  await runSeeds(work, jobs, result => {
    results.push(result);
    const failed = results.filter(r => r.violations.length > 0).length;
    if (result.violations.length > 0)
      for (const v of result.violations) say(`\nseed ${result.seed}, step ${v.step}: ${v.text}\n`);
    say(`\r${results.length} of ${count} seeds, ${failed} with violations`);
  });
  say('\n');
  const summary = summaryOf(results);
  out(values.json ? `${JSON.stringify(summary.json, null, 1)}\n` : summary.text);
  return summary.json.violations.length > 0 ? 1 : 0;
}

function planIn(values: Values): Plan {
  if (values.plan === undefined)
    return planOf(numberOf(values, 'seed', 0), { isBrief: values.brief ?? false });
  try {
    return JSON.parse(readFileSync(values.plan, 'utf8')) as Plan;
  } catch (error) {
    throw new UsageError(`--plan: expected a plan in JSON at ${values.plan}: ${String(error)}`);
  }
}

async function one(values: Values, io: SimIo): Promise<number> {
  const plan = planIn(values);
  const lines: string[] = [];
  const trace = values.trace === undefined ? {} : { trace: (line: string) => void lines.push(line) };
  const result = await runOne(plan, { store: io.store, ...trace });
  if (values.trace !== undefined) writeFileSync(values.trace, `${lines.join('\n')}\n`);
  if (values.shrink && result.violations.length > 0) return await shrunk(values, { plan, result }, io);
  const summary = summaryOf([result]);
  io.out(values.json ? `${JSON.stringify(summary.json, null, 1)}\n` : summary.text);
  return result.violations.length > 0 ? 1 : 0;
}

const SHRINK_RUNS = 60;

async function shrunk(
  values: Values,
  { plan, result }: { readonly plan: Plan; readonly result: SeedResult },
  { store, out, say }: SimIo,
): Promise<number> {
  const kinds = new Set(result.violations.map(v => kindOf(v.text)));
  say(`${[...kinds].join('\n')}\n`);
  const fails = async (smaller: Plan): Promise<boolean> => {
    const { violations } = await runOne(smaller, { store }).catch(() => ({
      violations: [] as SeedResult['violations'],
    }));
    return violations.some(v => kinds.has(kindOf(v.text)));
  };
  const { plan: least, runs } = await shrink(plan, {
    fails,
    runsMax: numberOf(values, 'runs', SHRINK_RUNS),
    onSmaller: (p, n) =>
      say(
        `\rafter ${n} runs: ${p.actions.filter(a => a.atMs < p.stormMs).length} actions, ${p.replicas} replicas  `,
      ),
  });
  say(`\n${runs} runs\n`);
  const text = `${JSON.stringify(least, null, 1)}\n`;
  if (values.out === undefined) out(text);
  else writeFileSync(values.out, text);
  return 1;
}

async function mutants(values: Values, { store, out, say }: SimIo): Promise<number> {
  const results = await runMutants({
    store,
    only: values.only ?? null,
    from: numberOf(values, 'from', 0),
    seedsMax: numberOf(values, 'seeds', 0),
    jobs: numberOf(values, 'jobs', availableParallelism()),
    say,
  });
  const caught = results.filter(r => r.caught !== null);
  if (values.json) out(`${JSON.stringify(results, null, 1)}\n`);
  else {
    for (const { name, caught: by, seeds: n } of results)
      out(
        `${by === null ? `NOT CAUGHT in ${n} seeds` : `${typeof by.by === 'number' ? 'seed' : 'plan'} ${by.by}: ${by.text.slice(0, 120)}`}  ← ${name}\n`,
      );
    out(`${caught.length} of ${results.length} caught\n`);
  }
  return caught.length === results.length ? 0 : 1;
}
