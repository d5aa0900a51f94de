/**
 * Plants one bug after the other in a copy of the built tree, and runs plans on it until one catches it: the known catcher
 * first, then seeds. What catches must be clean on the tree as it is, or it shows nothing. The checkout isn't touched.
 */
import { fork } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { OpenOptions } from '../store/open.ts';
import type { SeedResult } from './cli-run.ts';
import { died, runSeeds } from './cli-seeds.ts';
import { planOf } from './generate.ts';
import { flavourOf } from './generate-flavour.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import type { PlanJob } from './mutants-child.ts';
import { MUTANT_PLANS } from './mutants-plans.ts';
import type { Plan } from './plan.ts';

/** A seed's brief plan, or one of mutants-plans.ts by its name. */
export type Catcher = number | keyof typeof MUTANT_PLANS;

interface Caught {
  readonly by: Catcher;
  readonly step: number;
  readonly text: string;
}

export interface MutantResult {
  readonly name: string;
  readonly why: string;
  /** Plans tried, the known one among them. */
  readonly seeds: number;
  readonly caught: Caught | null;
  /** Catchers that fail on the tree as it is, too: what they showed doesn't count. */
  readonly controlsFailed: readonly Catcher[];
}

export interface MutantOptions {
  readonly store: OpenOptions;
  /** Only those with this in their name. */
  readonly only: string | null;
  readonly from: number;
  /** For each; 0: `SEEDS_MAX`. */
  readonly seedsMax: number;
  readonly jobs: number;
  readonly say: (text: string) => void;
}

const SEEDS_MAX = 36;
const DIST = resolve(import.meta.dirname, '..');

export async function runMutants(options: MutantOptions): Promise<MutantResult[]> {
  const wanted = MUTANTS.filter(m => m.name.includes(options.only ?? ''));
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-mutants-'));
  try {
    // As the package is laid out: modules are found from the tree's own place.
    symlinkSync(resolve(DIST, '../node_modules'), join(dir, 'node_modules'));
    cpSync(resolve(DIST, '../package.json'), join(dir, 'package.json'));
    cpSync(DIST, join(dir, 'dist'), { recursive: true, filter: path => !/\.(map|d\.ts)$/.test(path) });
    const results: MutantResult[] = [];
    for (const mutant of wanted) {
      const result = await runMutant(mutant, join(dir, 'dist'), options);
      const by = result.caught === null ? 'NOT CAUGHT' : `caught by ${result.caught.by}`;
      const failed = result.controlsFailed.map(c => `, control failed: ${c}`);
      options.say(`${by}${failed.join('')}: ${mutant.name}\n`);
      results.push(result);
    }
    return results;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Of its flavour first: every n-th seed has it. */
function seedsFor({ flavour }: Mutant, { from, seedsMax }: MutantOptions): number[] {
  const own = Array.from({ length: 2_000 }, (_, i) => from + i).filter(seed => flavourOf(seed) === flavour);
  return own.slice(0, seedsMax || SEEDS_MAX);
}

async function runMutant(mutant: Mutant, dist: string, options: MutantOptions): Promise<MutantResult> {
  const path = join(dist, mutant.file.replace(/\.tsx?$/, '.js'));
  const before = readFileSync(path, 'utf8');
  const controlsFailed: Catcher[] = [];
  let seeds = 0;
  let found: Caught | null = null;
  writeFileSync(path, planted(before, mutant));
  try {
    if (mutant.by !== null) {
      seeds++;
      found = caughtBy(mutant.by, await runIn(dist, planBy(mutant.by), options.store));
    }
    const work = { store: options.store, isBrief: true, isOneEnough: true, dist };
    for (let waiting = seedsFor(mutant, options); ; ) {
      if (found !== null) {
        const { violations } = await runIn(DIST, planBy(found.by), options.store);
        if (violations.length === 0) break;
        controlsFailed.push(found.by);
        found = null;
      }
      if (waiting.length === 0) break;
      const tried = new Set<number>();
      await runSeeds({ ...work, seeds: waiting }, options.jobs, result => {
        tried.add(result.seed);
        found ??= caughtBy(result.seed, result);
      });
      seeds += tried.size;
      waiting = waiting.filter(seed => !tried.has(seed));
    }
  } finally {
    writeFileSync(path, before);
  }
  return { name: mutant.name, why: mutant.why, seeds, caught: found, controlsFailed };
}

const caughtBy = (by: Catcher, { violations: [first] }: SeedResult): Caught | null =>
  first ? { by, step: first.step, text: first.text } : null;

const planBy = (by: Catcher): Plan =>
  typeof by === 'number' ? planOf(by, { isBrief: true }) : MUTANT_PLANS[by];

/** Runs a plan on a built tree until the first thing is wrong. */
export function runIn(dist: string, plan: Plan, store: OpenOptions): Promise<SeedResult> {
  return new Promise(resolve => {
    const child = fork(join(dist, 'sim/mutants-child.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.on('message', message => {
      resolve(message as SeedResult);
      child.disconnect();
    });
    child.on('exit', code => resolve(died(plan.seed, `its process ended with ${code}`)));
    child.send({ plan, store } satisfies PlanJob);
  });
}

/** The text with the bug. Throws where its place isn't there, or not the only one. */
export function planted(text: string, { name, file, find, replace }: Mutant): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(
    `mutant "${name}": expected its text once in ${file}, found it ${parts.length - 1} times: ${find}`,
  );
}
