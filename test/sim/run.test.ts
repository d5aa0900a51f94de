import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import type { Action, Plan } from '../../src/sim/plan.ts';
import { type RunOptions, runPlan } from '../../src/sim/run.ts';
import { planWith } from './bench.ts';

const STORM: readonly Action[] = [
  { atMs: 4_000, do: 'statements', replica: 1, fault: 'unknown', oneIn: 10 },
  { atMs: 5_000, do: 'kill', replica: 0 },
  { atMs: 6_000, do: 'wire', host: 'lab', fault: 'cut', chance: 0.5 },
  { atMs: 8_000, do: 'start', replica: 0 },
  { atMs: 9_000, do: 'faults', patch: { agents: { 'web-1': { drop: 0.5, duplicate: 0.5 } } } },
];

async function run(plan: Plan, more: Partial<RunOptions> = {}) {
  const lines: string[] = [];
  const outcome = await runPlan(plan, {
    store: inject('postgres').admin,
    trace: line => lines.push(line),
    ...more,
  });
  return { ...outcome, lines };
}

const DIST = join(import.meta.dirname, '../../dist/sim/run.js');

/** The trace's hash of a run in a process of its own, started in another directory. */
async function inChild(plan: Plan, cwd: string): Promise<string> {
  const script = `
    const { runPlan } = await import(${JSON.stringify(DIST)});
    const { traceHash } = await runPlan(${JSON.stringify(plan)}, { store: ${JSON.stringify(inject('postgres').admin)} });
    process.stdout.write(traceHash, () => process.exit(0));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd });
  let out = '';
  let errors = '';
  child.stdout.on('data', text => (out += text));
  child.stderr.on('data', text => (errors += text));
  const code = await new Promise(resolve => child.on('close', resolve));
  expect([code, errors]).toEqual([0, '']);
  return out;
}

describe('the same plan', () => {
  test('gives the same trace, and another seed another one', async () => {
    const first = await run(planWith(7, STORM));
    const second = await run(planWith(7, STORM));
    expect(second.lines).toEqual(first.lines);
    expect(first.violations).toEqual([]);
    expect(first.canaries).toBeGreaterThan(8);
    const other = await run(planWith(8, STORM));
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  test('does so however long JavaScript is given to come to rest', async () => {
    const [few, many] = [await run(planWith(3, STORM)), await run(planWith(3, STORM), { quietTurns: 12 })];
    expect(many.lines).toEqual(few.lines);
  });

  test.skipIf(!existsSync(DIST))('does so in processes of their own, in different directories', async () => {
    const plan = planWith(5, STORM, 12_000, 4_000);
    expect(await inChild(plan, tmpdir())).toBe(await inChild(plan, import.meta.dirname));
  });
});

test('a check sees the truth, the store, the app and the notices, and what it says is a violation', async () => {
  const drop: Action = { atMs: 1, do: 'faults', patch: { agents: { 'web-2': { drop: 1 } } } };
  const seen: unknown[] = [];
  const { violations, notices } = await run(planWith(2, [drop], 30_000, 30_000), {
    checkEveryMs: 15_000,
    check: async (world, when) => {
      if (when === 'step') return [];
      const { counts } = world.lab.truth();
      const [row] = await world.sql<
        { n: number }[]
      >`select count(*)::int as n from beat where kind = 'planned'`;
      const answer = await world.replicas[0]?.ask('/api/v1/openapi.json');
      seen.push(counts.places.store.dropped > 0, (row?.n ?? 0) > 0, answer?.status, world.notices.length);
      return ['as told'];
    },
  });
  expect(seen).toEqual([true, true, 200, notices]);
  expect(violations.map(v => [v.atMs, v.text])).toEqual([[60_000, 'as told']]);
});

test('what is kept comes back as it was, in a new epoch', async () => {
  const epochs: unknown[] = [];
  const plan = {
    ...planWith(4, [
      { atMs: 5_000, do: 'backup' },
      { atMs: 16_000, do: 'restore' },
    ]),
    replicas: 1,
  };
  const { violations } = await run(plan, {
    check: async (world, when) => {
      if (when === 'end')
        epochs.push(await world.sql`select to_json(epochs) as epochs from meta`, world.restores.length);
      return [];
    },
  });
  expect(violations).toEqual([]);
  expect(epochs).toEqual([[{ epochs: [1, 2] }], 1]);
});

test('a store that goes and comes back, a frozen replica and a stepped clock are survived', async () => {
  const { violations, lines } = await run(
    planWith(6, [
      { atMs: 3_000, do: 'store', up: false },
      { atMs: 6_000, do: 'store', up: true },
      { atMs: 8_000, do: 'step', whose: 'database', ms: 5_000 },
      { atMs: 9_000, do: 'freeze', replica: 1, forMs: 4_000 },
      { atMs: 14_000, do: 'step', whose: 0, ms: -10_000 },
      { atMs: 15_000, do: 'config', replica: 1, config: 0 },
    ]),
  );
  expect(violations).toEqual([]);
  const text = lines.join('\n');
  expect(text).toMatch(/store\.unusable/);
  expect(text).toMatch(/replica-0 warn clock\.step/);
  const frozen = lines.filter(line => /^\d+ (9[0-9]|1[0-2]\d)\d\d replica-1 /.test(line));
  expect(frozen.filter(line => Number(line.split(' ')[1]) > 9_100)).toEqual([]);
});
