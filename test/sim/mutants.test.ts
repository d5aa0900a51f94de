import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MUTANTS } from '../../src/sim/mutants.ts';
import { planted } from '../../src/sim/mutants-run.ts';

const src = join(import.meta.dirname, '../../src');

test('there are at least twenty, each with a name of its own', () => {
  expect(new Set(MUTANTS.map(m => m.name)).size).toBe(MUTANTS.length);
  expect(MUTANTS.length).toBeGreaterThanOrEqual(20);
});

describe('none is stale', () => {
  for (const mutant of MUTANTS)
    test(mutant.name, () => {
      const text = readFileSync(join(src, mutant.file), 'utf8');
      expect(planted(text, mutant)).not.toBe(text);
    });
});
