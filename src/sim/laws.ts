/** The laws of the design as checks of a world while it runs: what an outcome is held against, at steps and at the end. */
import { detectorLaws } from './laws-detector.ts';
import type { Laws } from './laws-laws.ts';
import { ledgerLaws } from './laws-ledger.ts';
import { noticeLaws } from './laws-notices.ts';
import { surfaceLaws } from './laws-surface.ts';
import { oracleOf } from './oracle.ts';
import { randomOf } from './random.ts';
import type { SimWorld } from './world.ts';

const OF_A_KIND_MAX = 3;

export type Check = (world: SimWorld, when: 'step' | 'end') => Promise<readonly string[]>;

/** All laws and the oracle, for one run. `violation` texts begin with the law's name. */
export function checkerOf(): Check {
  const all: Readonly<Record<string, Laws>> = {
    oracle: oracleOf(),
    ledger: ledgerLaws(),
    detector: detectorLaws(),
    notices: noticeLaws(),
    surface: surfaceLaws(),
  };
  let random: (() => number) | undefined;
  return async (world, when) => {
    random ??= randomOf(world.plan.seed, 'laws');
    const out: string[] = [];
    for (const [name, laws] of Object.entries(all)) {
      const isDue = when === 'end' || random() < 0.5;
      const steps = isDue ? ((await laws.atStep?.(world)) ?? []) : [];
      const ends = when === 'end' ? ((await laws.atEnd?.(world)) ?? []) : [];
      out.push(...[...steps, ...ends].map(text => `${name}: ${text}`));
    }
    return few(out);
  };
}

/** One bug makes many cases: a few of each kind tell as much. */
function few(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  const out: string[] = [];
  for (const text of texts) {
    const kind = kindOf(text);
    const n = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, n);
    if (n <= OF_A_KIND_MAX) out.push(text);
  }
  for (const [kind, n] of counts) if (n > OF_A_KIND_MAX) out.push(`${kind}: ${n - OF_A_KIND_MAX} more`);
  return out;
}

/** What is wrong, without whom it is wrong of. */
export const kindOf = (text: string): string =>
  text
    .split(': ')
    .slice(0, 2)
    .join(': ')
    .replace(/\d[\d.,…]*/g, 'n')
    .slice(0, 160);
