import { describe, expect, test } from 'vitest';
import { estimate, type Question } from '../../src/cli/lib/estimate.ts';
import { estimateJson } from '../../src/cli/lib/estimate-json.ts';
import { assumedPlan, type Changes, planOf } from '../../src/cli/lib/estimate-plan.ts';
import { configOf, good } from '../config/parse.ts';
import { coalmine, expectNoStack, put, useDirectory } from './child.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** mulberry32. */
const seeded = () => {
  let seed = 7;
  return () => {
    seed = (seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};
const nothing: Question = { wanted: null, agents: null };
const of = async (changes: Changes, question = nothing) =>
  estimate(await assumedPlan(changes), question, seeded);

describe('which rate finds a loss', () => {
  const wanted = { loss: 0.05, withinMs: HOUR };

  test('the longest period that does in 95 of 100, and one above it doesn’t', async () => {
    const { wanted: found, plan } = await of({ targets: 4 }, { wanted, agents: null });
    expect(found?.everyMs).toBeGreaterThanOrEqual(10_000);
    expect(found?.found?.p95Ms).toBeLessThanOrEqual(HOUR);
    expect(plan.everyMs).toBe(found?.everyMs);
    const slower = await of({ targets: 4, everyMs: 2 * plan.everyMs });
    const same = slower.faults.find(f => f.loss === 0.05 && f.affected === 4);
    expect(same?.p95Ms).toBeGreaterThan(HOUR);
  });

  test('more time, more targets and more false alarms allow fewer canaries', async () => {
    const every = async (changes: Changes, more: object = {}) =>
      (await of(changes, { wanted: { ...wanted, ...more }, agents: null })).plan.everyMs;
    const usual = await every({});
    expect(await every({}, { withinMs: 4 * HOUR })).toBeGreaterThan(usual);
    expect(await every({ targets: 50 })).toBeGreaterThan(usual);
    expect(await every({ falseAlarmsPerYear: 52 })).toBeGreaterThanOrEqual(usual);
  });

  test('what can’t be had says why', async () => {
    const reason = async (changes: Changes, wanted: { loss: number; withinMs: number }) => {
      const { wanted: found } = await of(changes, { wanted, agents: null });
      expect(found?.everyMs).toBeNull();
      return found?.everyMs === null && found.reason;
    };
    expect(await reason({}, { loss: 0.001, withinMs: DAY })).toBe('objective');
    expect(await reason({ onTimeWithinMs: HOUR }, { loss: 1, withinMs: HOUR })).toBe('deadline');
    expect(await reason({}, { loss: 0.002, withinMs: 10 * 60_000 })).toBe('rate');
  });
});

describe('what follows from a plan', () => {
  test('the same plan has the same answer', async () => {
    const answer = async () => estimateJson(await of({ targets: 3 }));
    expect(await answer()).toEqual(await answer());
  });

  test('a clean day and a clean month: exact one-sided bounds', async () => {
    // 259,200 canaries in 30 days: six a minute.
    const { clean, claim } = await of({ everyMs: 10_000 });
    expect(clean.map(c => c.canaries)).toEqual([8_640, 259_200]);
    for (const c of clean) {
      // Of a rate at the bound so many would all come back once in 20, once in 100.
      expect((1 - c.below95) ** c.canaries).toBeCloseTo(0.05, 9);
      expect((1 - c.below99) ** c.canaries).toBeCloseTo(0.01, 9);
    }
    expect(claim).toMatchObject({ canaries95: 2_995, canaries99: 4_603 });
    expect(claim.afterMs95).toBeCloseTo(2_995 * 10_000, 3);
  });

  test('agents: the reference table, and one’s own', async () => {
    const { agents } = await of({ targets: 45 });
    expect(agents.map(a => [a.agents, a.affected, a.cover])).toEqual([
      [100, 1, 95],
      [100, 5, 45],
      [100, 10, 25],
      [1000, 10, 258],
      [1000, 50, 57],
    ]);
    expect(agents[0]?.met).toBeCloseTo(0.45, 9);
    expect(agents[1]?.met).toBeGreaterThan(0.95);
    const own = await of({}, { wanted: null, agents: 1000 });
    expect(own.agents.map(a => a.affected)).toEqual([1, 10, 50, 100]);
  });

  test('a creeping fault: the reference’s medians, deadline and look added', async () => {
    const { onsets, plan } = await of({ everyMs: 60_000 });
    const { onTimeWithinMs, settleMs, lookEveryMs } = plan.checkpoints[0]!.config;
    const beyond = onTimeWithinMs + settleMs + lookEveryMs;
    expect(onsets.map(o => ((o.secondLossMs - beyond) / HOUR).toFixed(1))).toEqual(['3.7', '11.6']);
    expect(((onsets[0]?.firstTargetMs ?? 0) - beyond) / DAY).toBeCloseTo(10 * Math.LN2, 6);
  });

  test('burn rates: one loss alone fires below the reference’s rates', async () => {
    const page = async (everyMs: number, delivered: number) => {
      const { burnRates } = await of({ everyMs, delivered, onTime: Math.min(0.99, delivered) });
      return burnRates.find(b => b.objective === 'delivered' && b.factor === 14.4)!;
    };
    const slow = await page(60_000, 0.999);
    expect(slow).toMatchObject({ oneLossFires: true, canaries: 60, severity: 'page' });
    expect(slow.oneLossBurns).toBeCloseTo(1 / 60 / 0.001, 6);
    expect(slow.perMinuteForTwo.toFixed(2)).toBe('2.31');
    expect(slow.perMinuteForThree.toFixed(2)).toBe('3.47');
    expect((await page(10_000, 0.999)).oneLossFires).toBe(false);
    expect((await page(60_000, 0.99)).perMinuteForTwo.toFixed(2)).toBe('0.23');
    expect((await page(60_000, 0.9999)).perMinuteForTwo.toFixed(1)).toBe('23.1');
  });

  test('of a pipeline: its own targets, checkpoints and event; changes lie over them', async () => {
    const pipeline = configOf(good()).pipelines[0]!;
    const e = estimate(await planOf(pipeline, {}), nothing, seeded);
    expect(e.plan).toMatchObject({ pipeline: pipeline.name, targets: pipeline.targets.length });
    expect(e.looks.map(l => l.checkpoint)).toEqual(pipeline.checkpoints.map(c => c.name));
    expect(e.bytesPerCanary).toBeGreaterThan(100);
    const changed = await planOf(pipeline, { targets: 9, onTimeWithinMs: 30_000, lostAfterMs: 90_000 });
    expect(changed).toMatchObject({ targets: 9, everyMs: e.plan.everyMs });
    expect(changed.checkpoints[0]?.rules.lookEveryMs).toBe(10_000);
  });
});

const dir = useDirectory();
const yaml = [
  'signing_keys: [0123456789abcdef0123456789abcdef]',
  'pipelines:',
  '  ssh:',
  '    every: 10s',
  '    targets: [web-1, web-2]',
  '    event: { format: sshd }',
  '    inject: { kind: syslog, address: tcp://127.0.0.1:1 }',
  '    checkpoints:',
  '      - { name: loki, observe: { kind: loki, url: "http://127.0.0.1:1", query: "{a=\\"b\\"}" }, on_time_within: 15s, lost_after: 10m }',
  '  oidc:',
  '    every: 1m',
  '    inject: { kind: oidc-signin, issuer: "https://id.example.com", client_id: app-1, client_secret: hunter2hunter2 }',
  '    checkpoints: [{ name: log, observe: { kind: file, path: ./no.log }, on_time_within: 1m, lost_after: 10m }]',
  '',
].join('\n');

describe.concurrent('the verbs', () => {
  const file = put(dir, 'coalmine.yaml', yaml);
  const run = (...args: string[]) => coalmine([...args, '-c', file], { cwd: dir });

  test('estimate: each pipeline of the configuration, on a screen, without touching what it names', async () => {
    const { code, out } = await run('estimate');
    expect(code).toBe(0);
    expect(out).toMatch(/^ssh: 2 targets, a canary each every 10s: 17,280 a day\./);
    expect(out).toMatch(/loki \(loki\): [\d,]+ queries, [\d,]+ rows/);
    expect(out).toMatch(/\noidc: 1 target[\s\S]*their size isn’t known/);
    expect(out).not.toMatch(/NaN|Infinity|undefined|null|hunter2/);
    for (const block of out.split(/\n(?=oidc:)/)) expect(block.split('\n').length).toBeLessThanOrEqual(45);
    expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(200);
  });

  test('estimate by flags needs no configuration', async () => {
    const flags = ['--loss', '5%', '--within', '1h', '--false-alarms', '1 per year', '--targets', '20'];
    const { code, out } = await coalmine(['estimate', ...flags, '--on-time-within', '5m', '--json']);
    const [told] = JSON.parse(out).data;
    expect(code).toBe(0);
    expect(told).toMatchObject({ pipeline: null, targets: 20, wanted: { loss: 0.05, within_ms: HOUR } });
    expect(told.wanted.found.p95_ms).toBeLessThanOrEqual(HOUR);
    expect(told.every_ms).toBe(told.wanted.every_ms);
  });

  test.each([
    [['--loss', '5%'], /--loss and --within belong together/],
    [['--loss', '5', '--within', '1h'], /write 5%/],
    [['--every', '10'], /--every: .*write 10s/],
    [['--targets', '0'], /whole number from 1/],
    [['--targets', '2', '--affected', '3', '--loss', '5%', '--within', '1h'], /at most 2 targets/],
    [['--on-time', '99.99%'], /--delivered of at least --on-time/],
    [['--format', 'xml'], /ocsf, ecs, sshd/],
    [['ssh', '--lost-after', '10s'], /lost_after above on_time_within/],
    [['shh'], /did you mean "ssh"/],
  ])('estimate %j is told what was expected, and ends with 2', async (args, says) => {
    const ended = await run('estimate', ...args);
    expect(ended).toMatchObject({ code: 2, err: expect.stringMatching(says), out: '' });
    expectNoStack(ended);
  });

  test('exclusions: what narrows it, the texts, and what no text can tell', async () => {
    const { code, out } = await run('exclusions', 'ssh');
    expect(code).toBe(0);
    for (const word of [
      'blind spot',
      'KQL',
      'SPL',
      'ES|QL',
      'Sigma',
      'tripwire',
      'coalmine scan',
      'ProcessName',
    ])
      expect(out).toContain(word);
    const one = JSON.parse((await run('exclusions', 'ssh', '--for', 'splunk', '--json')).out);
    expect(one.texts).toMatchObject([{ siem: 'splunk' }]);
    expect(one.missing).toEqual([]);
  });

  test('exclusions of real sign-ins: the source is asked for, and taken', async () => {
    const without = await run('exclusions', 'oidc', '--for', 'sentinel');
    expect(without.out).toMatch(/wider by as much[\s\S]*--source/);
    expect(without.out).not.toContain('hunter2');
    const given = await run('exclusions', 'oidc', '--for', 'sentinel', '--source', '203.0.113.7');
    expect(given.out).toContain('IPAddress == "203.0.113.7"');
    expect(given.out).not.toContain('wider by');
  });

  test.each([
    [['nosuch'], /there is no pipeline/],
    [['ssh', '--for', 'qradar'], /sentinel, splunk, elastic, sigma or all/],
    [['oidc', '--source', 'here'], /IP address/],
    [['ssh', '--source', '203.0.113.7'], /event\.source_ip/],
  ])('exclusions %j ends with 2', async (args, says) => {
    const ended = await run('exclusions', ...args);
    expect(ended).toMatchObject({ code: 2, err: expect.stringMatching(says), out: '' });
  });
});
