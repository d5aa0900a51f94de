/** Plants one bug after the other in a copy of the built tree, and runs seeds on it until one catches it. The checkout isn't touched. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { OpenOptions } from '../store/open.ts';
import { runSeeds } from './cli-seeds.ts';
import { flavourOf } from './generate-flavour.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

export interface MutantResult {
  readonly name: string;
  readonly why: string;
  /** Tried. */
  readonly seeds: number;
  readonly caught: { readonly seed: number; readonly step: number; readonly text: string } | null;
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
      options.say(
        `${result.caught === null ? 'NOT CAUGHT' : `caught by ${result.caught.seed}`}: ${mutant.name}\n`,
      );
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
  writeFileSync(path, planted(before, mutant));
  let seeds = 0;
  let caught: MutantResult['caught'] = null;
  try {
    const all = seedsFor(mutant, options);
    const work = { store: options.store, isBrief: true, seeds: all, isOneEnough: true, dist };
    await runSeeds(work, options.jobs, ({ seed, violations: [first] }) => {
      seeds++;
      if (first) caught ??= { seed, step: first.step, text: first.text };
    });
  } finally {
    writeFileSync(path, before);
  }
  return { name: mutant.name, why: mutant.why, seeds, caught };
}

/** The text with the bug. Throws where its place isn't there, or not the only one. */
export function planted(text: string, { name, file, find, replace }: Mutant): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(
    `mutant "${name}": expected its text once in ${file}, found it ${parts.length - 1} times: ${find}`,
  );
}
