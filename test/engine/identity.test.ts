/** The tripwire through the whole engine: a use of the canaries' identity by others is one incident, a damaged pipeline none. */
import { afterEach, describe, expect, test } from 'vitest';
import type { SeenRecord } from '../../src/contracts/observer.ts';
import { createKeyring } from '../../src/domain/token.ts';
import { inputOf } from '../../src/engine/live.ts';
import { sift } from '../../src/engine/sight.ts';
import { altered, truncated } from '../../src/lab/damage.ts';
import type { ConditionRow } from '../../src/store/conditions.ts';
import { useDatabase } from '../support/database.ts';
import { faultConfig, faults } from '../support/faults.ts';
import { openWorld, seeded, type World } from '../support/world.ts';

const config = `${faultConfig().replace('every: 2s', 'every: 2s\n    notify: { loss: [desk], ours: [crew] }')}
notify:
  desk: { kind: webhook, url: "http://desk/hook" }
  crew: { kind: webhook, url: "http://crew/hook" }
`;
const LINE = 'Accepted password for canary from 203.0.113.9 port 4022 ssh2';

const db = useDatabase();
let w: World;
const open = async (seed: number) => {
  w = await openWorld(db.options, config, {
    seed,
    fetch: (request, next) =>
      request.url.endsWith('/hook') ? Promise.resolve(new Response(null, { status: 204 })) : next(request),
  });
};
afterEach(async () => {
  const errors = w.logs.filter(l => l.level === 'error');
  await w.close();
  expect(errors).toEqual([]);
});

/** As the log store is given a line by anybody. */
async function push(line: string): Promise<void> {
  const body = {
    streams: [{ stream: { job: 'auth', host: 'web-1' }, values: [[`${w.clock.now()}000000`, line]] }],
  };
  const request = new Request('http://lab/loki/api/v1/push', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect((await w.lab.app.fetch(request)).status).toBe(204);
}
const incidents = (kind: string) => w.sql<ConditionRow[]>`select * from incident where kind = ${kind}`;
const counted = async (kind: string): Promise<number> => {
  const [row] = await w.sql<{ n: number }[]>`
    select coalesce(sum(count), 0)::int as n from finding where kind = ${kind}`;
  return row?.n ?? 0;
};

describe('in the lab', () => {
  test('a sign-in by the canaries’ name: one incident to the desk, with line, place, time and address; once after a kill', async () => {
    await open(1);
    await w.run(20_000, 2_500);
    await push('Accepted password for alice from 203.0.113.9 port 4022 ssh2');
    await push(LINE);
    await w.run(5_000, 2_500);
    await w.restart();
    await w.run(30_000, 2_500);
    expect(await counted('identity_used')).toBe(1);
    const [row, ...more] = await incidents('identity_used');
    expect([more, row?.checkpoint]).toEqual([[], 1]);
    expect(row?.facts).toMatchObject({ count: 1, sample: { from: '203.0.113.9', record: LINE } });
    expect(row?.facts.reason).toMatch(/at loki, 2024-09-02 12:00:\d\d.*; the newest from 203\.0\.113\.9$/);
    const notices = await w.sql<{ notifier: string; text: string }[]>`
      select notifier, notice::text as text from outbox where notice->>'kind' = 'identity_used'`;
    expect(notices.map(n => n.notifier)).toEqual(['desk']);
    expect(notices[0]?.text).toContain(LINE);
    expect(notices[0]?.text).not.toMatch(/coalmine1[a-z2-7]{40}/);
  });

  test('every fault of agents and collector at once: no use, and what is read again counts once', async () => {
    await open(2);
    await w.run(10_000, 2_500);
    const agent = { drop: 0.1, duplicate: 0.2, alter: 0.2, reorder: 0.3, delayMs: 1_500 };
    await faults(w, {
      agents: { 'web-1': agent, 'web-2': { ...agent, alter: 0, truncate: 0.3 } },
      collector: { drop: 0.2, duplicate: 0.1, echo: true },
    });
    await w.run(150_000, 2_500);
    await w.restart();
    await w.run(30_000, 2_500);
    expect([await counted('identity_used'), await incidents('identity_used')]).toEqual([0, []]);
    expect(await counted('altered')).toBeGreaterThan(5);
  });

  test('records that hold a token and are no event count once each, whatever looks overlap or begin anew', async () => {
    await open(3);
    await w.run(10_000, 2_500);
    const { engine } = w.running;
    const p = engine.pipelines[0]!;
    for (let i = 0; i < 5; i++) {
      const { token } = engine.keyring.sign({ target: p.targets[0]!.number, slot: w.clock.now(), index: i });
      await push(`query ${i} for ${token}`);
      await push(`forged ${i} ${token.slice(0, -2)}aa`);
    }
    await w.run(20_000, 2_500);
    await w.restart();
    await w.run(20_000, 2_500);
    expect([await counted('echo'), await counted('forged')]).toEqual([5, 5]);
  });

  test('what an agent holds back arrives out of order: told as a number, and not where order is kept', async () => {
    await open(4);
    await w.run(60_000, 2_000);
    expect(await counted('reordered')).toBe(0);
    // What is sent in the next ten seconds, five canaries of one agent, is held back for twenty, and overtaken by what follows.
    await faults(w, { agents: { 'web-1': { delayMs: 20_000 } } });
    await w.run(10_000, 2_000);
    await faults(w, { agents: { 'web-1': { delayMs: 0 } } });
    await w.run(60_000, 2_000);
    const reordered = await counted('reordered');
    expect(reordered).toBeGreaterThanOrEqual(3);
    expect(reordered).toBeLessThanOrEqual(6);
    const [row] = await w.sql<{ ms: number }[]>`
      select (sample->>'late_by_at_least_ms')::int as ms from finding where kind = 'reordered'`;
    expect(row?.ms).toBeGreaterThan(0);
    expect(row?.ms).toBeLessThanOrEqual(20_000);
  });
});

test('a month of a damaged pipeline, in any order: nothing of ours, nor of other keys and lives, is a use', async () => {
  await open(5);
  const { engine } = w.running;
  const live = engine.pipelines[0]!;
  const random = seeded(42);
  const target = live.targets[0]!.number;
  const strangers = [
    createKeyring({ signingKeys: ['another-signing-key-for-tests'], storeId: 'test-store', epochs: [1] }),
    createKeyring({ signingKeys: ['a-signing-key-for-tests-only'], storeId: 'staging', epochs: [1] }),
    createKeyring({ signingKeys: ['a-signing-key-for-tests-only'], storeId: 'test-store', epochs: [9] }),
  ];
  const damages: ((line: string) => string[])[] = [
    line => [line],
    line => [line, line],
    line => [altered(line, random) ?? line],
    line => [truncated(line, random)],
    line => [`level=error msg="dropped" line=${JSON.stringify(line)}`],
    line => [`level=error msg="dropped" line=${JSON.stringify(truncated(line, random))}`],
    line => [`could not parse ${truncated(line, random)}`],
  ];
  const headers = [
    '',
    'Sep  2 12:00:00 web-1 sshd[4321]: ',
    '<38>1 2024-09-02T12:00:00Z web-1 sshd 4321 - - ',
  ];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const texts: string[] = [];
  const from = w.clock.now() - 30 * 86_400_000;
  for (let i = 0; i < 8_640; i++) {
    const name = { target, slot: from + i * 300_000, index: random() < 0.05 ? 9_000 : 0 };
    const input = inputOf(engine, live, name, name.slot);
    const stranger = random() < 0.1 ? pick(strangers).sign(name) : {};
    const line = live.source!.format.write({ ...input, ...stranger }).text;
    texts.push(...pick(damages)(line).map(l => pick(headers) + l));
  }
  texts.sort(() => random() - 0.5);
  const records = texts.map((text): SeenRecord => ({ text, eventMs: from }));
  const at = { pipeline: live, checkpoint: live.checkpoints[0]! };
  const seeing = { absentMs: null, seenMs: w.clock.now(), look: 0 };
  const uses = (rs: readonly SeenRecord[]) =>
    sift(engine, at, rs, seeing).findings.filter(f => f.kind === 'identity_used');
  expect(uses(records).map(f => f.sample)).toEqual([]);
  expect(uses([...records.slice(0, 50), { text: LINE }])).toHaveLength(1);
});
