import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configOf, good, parse, told } from './parse.ts';

const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');
const DAY = 86_400_000;

test('the examples are valid', () => {
  for (const name of ['minimal.yaml', 'coalmine.yaml']) {
    const { config, diagnostics } = parse(example(name), { file: name });
    expect(diagnostics.map(d => d.level)).toEqual(['hint']);
    expect(config?.pipelines).toHaveLength(1);
  }
});

describe('defaults', () => {
  test('of everything', () => {
    const config = configOf(good());
    expect(config).toMatchObject({
      store: { kind: 'embedded' },
      listen: { host: '127.0.0.1', port: 8090 },
      baseUrl: 'http://127.0.0.1:8090',
      signingKeys: ['0123456789abcdef'],
      notify: {},
      maintenance: [],
      access: { public: [], publicIncidentDelayMs: DAY, keys: [] },
      retention: { canariesMs: 2 * DAY, exceptionsMs: 400 * DAY, rollupsMs: 1825 * DAY },
    });
    expect(config.pipelines[0]).toMatchObject({
      name: 'ssh',
      id: 'ssh',
      title: 'ssh',
      schedule: { kind: 'every', everyMs: 10_000 },
      sampling: 'uniform',
      targets: [{ name: 'web-1' }, { name: 'web-2' }],
      sendWithinMs: 5000,
      inject: {
        kind: 'syslog',
        settings: { address: 'tcp://127.0.0.1:514', facility: 'authpriv', watch: 20, verify: true },
      },
      objective: { onTime: 0.99, delivered: 0.999, windowMs: 30 * DAY },
      falseAlarmsPerYear: 1,
      notify: { loss: [], ours: [] },
    });
    expect(config.pipelines[0]?.checkpoints).toMatchObject([
      {
        name: 'archive',
        id: 'archive',
        after: null,
        keepsMs: 7 * DAY,
        settleMs: 1000,
        lookEveryMs: 1667,
        lookBackMs: 7 * DAY,
      },
      { name: 'loki', after: 'archive', settleMs: 5000, lookEveryMs: 5000, transforms: [] },
    ]);
  });

  test.each([
    ['every: 100ms', 1000],
    ['every: 30s', 15_000],
    ['every: 1h', 30_000],
    ['cron: "*/10 * * * * *"', 5000],
    ['cron: "0 0 * * * 1"', 30_000],
  ])('send_within of %s', (every, ms) => {
    expect(configOf(good({ 4: `    ${every}` })).pipelines[0]?.sendWithinMs).toBe(ms);
  });

  test.each([
    ['1s', 1000],
    ['30s', 10_000],
    ['9m', 60_000],
  ])('look_every of on_time_within: %s', (onTime, ms) => {
    const config = configOf(good({ 15: `        on_time_within: ${onTime}` }));
    expect(config.pipelines[0]?.checkpoints[1]?.lookEveryMs).toBe(ms);
  });

  test('look_back is at most keeps and 24 d, and never ends before the deadline', () => {
    const lookBack = (more: string, lost = '10m') =>
      configOf(good({ 16: `        lost_after: ${lost}\n        ${more}` })).pipelines[0]?.checkpoints[1]
        ?.lookBackMs;
    expect(lookBack('keeps: 1d')).toBe(DAY);
    expect(lookBack('keeps: 90d')).toBe(7 * DAY);
    expect(lookBack('keeps: 90d', '20d')).toBe(20 * DAY);
    expect(lookBack('look_back: 2d')).toBe(2 * DAY);
  });
});

describe('what can be said', () => {
  test('all of a checkpoint', () => {
    const config = configOf(
      good(
        { 13: '      - name: loki\n        id: l1\n        after: source\n        at: event.0.id' },
        '        keeps: 30d\n        settle: 0s\n        look_every: 2s\n        holds: 6h\n' +
          '        transforms: ["rename a.b to c", drop d, truncate e at 1000]\n',
      ),
    );
    expect(config.pipelines[0]?.checkpoints[1]).toMatchObject({
      id: 'l1',
      after: null,
      at: 'event.0.id',
      keepsMs: 30 * DAY,
      settleMs: 0,
      lookEveryMs: 2000,
      holdsMs: 21_600_000,
      transforms: [
        { kind: 'rename', field: 'a.b', to: 'c' },
        { kind: 'drop', field: 'd' },
        { kind: 'truncate', field: 'e', at: 1000 },
      ],
    });
  });

  test('targets with settings of their own complete the pipeline’s', () => {
    const map = good({
      5: '    targets: { a: { address: "tcp://a:1" }, b.example.com: { address: "tcp://b:1", watch: 5 } }',
      7: '    inject: { kind: syslog, facility: auth }',
    });
    expect(configOf(map).pipelines[0]?.targets).toMatchObject([
      {
        name: 'a',
        inject: { kind: 'syslog', settings: { address: 'tcp://a:1', facility: 'auth', watch: 20 } },
      },
      { name: 'b.example.com', inject: { settings: { address: 'tcp://b:1', facility: 'auth', watch: 5 } } },
    ]);
    const mixed = configOf(good({ 5: '    targets: { a: {}, b: , c: { watch: 9 } }' })).pipelines[0];
    expect(mixed?.targets.map(t => t.inject === undefined)).toEqual([true, true, false]);
  });

  test('targets may be discovered, or left out', () => {
    const targets = (line: string) => configOf(good({ 5: line })).pipelines[0];
    expect(targets('    targets: { file_sd: ["t/*.json"], refresh: 5m }')).toMatchObject({
      targets: [],
      discovery: { kind: 'file_sd', files: ['t/*.json'], refreshMs: 300_000 },
    });
    expect(targets('    targets: { http_sd: { url: "http://sd/" } }')?.discovery).toEqual({
      kind: 'http_sd',
      url: 'http://sd/',
      refreshMs: 60_000,
    });
    expect(targets('')?.targets).toEqual([{ name: 'default' }]);
    expect(targets('    targets: { refresh: {} }')?.targets).toEqual([{ name: 'refresh' }]);
  });

  test('provoked pipelines, stores, servers, maintenance, access', () => {
    const config = configOf(
      good(
        { 6: '', 7: '    inject: { kind: oidc-signin, issuer: "http://op", client_id: x }' },
        [
          'store: postgres://c@db/c',
          'listen: "[::]:9000"',
          'base_url: https://canary.example.com/x/',
          'maintenance:',
          '  - { pipelines: [ssh], cron: "0 0 2 * * 0", for: 1h }',
          '  - { pipelines: [ssh], from: 2027-01-01T00:00:00+01:00, to: 2027-01-01T01:00:00Z }',
          'access: { public: [ssh], public_incident_delay: 0s, keys: [{ name: g, key: 0123456789abcdef, scopes: [read] }] }',
        ].join('\n'),
      ),
    );
    expect(config.pipelines[0]).not.toHaveProperty('event');
    expect(config).toMatchObject({
      store: { kind: 'postgres', url: 'postgres://c@db/c' },
      listen: { host: '::', port: 9000 },
      baseUrl: 'https://canary.example.com/x',
      maintenance: [
        { window: { kind: 'recurring', cron: '0 0 2 * * 0', timezone: 'UTC', forMs: 3_600_000 } },
        { window: { kind: 'once', fromMs: Date.UTC(2026, 11, 31, 23), toMs: Date.UTC(2027, 0, 1, 1) } },
      ],
      access: { public: ['ssh'], publicIncidentDelayMs: 0, keys: [{ name: 'g', scopes: ['read'] }] },
    });
    expect(configOf(good({}, 'store: { kind: embedded, data_dir: ./d }\nlisten: 0.0.0.0:80')).baseUrl).toBe(
      'http://127.0.0.1:80',
    );
  });

  test('checkpoints can share settings through anchors', () => {
    const shared = good({
      11: '        <<: &d { on_time_within: 5s, lost_after: 1m }',
      12: '',
      15: '        <<: *d',
      16: '',
    });
    expect(configOf(shared).pipelines[0]?.checkpoints.map(c => c.lostAfterMs)).toEqual([60_000, 60_000]);
  });
});

describe('notices', () => {
  test('notifiers are judged by their kind’s schema, and the heartbeat beats once a minute unless told', () => {
    const text = good(
      { 4: '    every: 10s\n    notify: { loss: [sec] }' },
      'notify: { sec: { kind: pager, key: abc } }\nheartbeat: { url: "https://hc/1" }\n',
    );
    const parsed = parse(text);
    expect(told(parsed, 'error')).toEqual([]);
    expect(parsed.config?.notify).toEqual({ sec: { kind: 'pager', settings: { key: 'abc' } } });
    expect(parsed.config?.heartbeat).toEqual({ url: 'https://hc/1', everyMs: 60_000 });
    expect(told(parsed, 'warning')).toEqual([]);
  });

  test('unknown kinds and settings are errors; a notifier that nobody names is warned of', () => {
    const text = good(
      {},
      'notify: { a: { kind: pagre, key: x }, b: { kind: pager, kee: x }, c: { kind: pager, key: x } }\n',
    );
    const parsed = parse(text);
    expect(told(parsed, 'error')).toEqual([
      '17:22 notify.a.kind: expected the kind of a notifier, found "pagre"',
      '17:57 notify.b.kee: unknown key "kee"',
    ]);
    expect(told(parsed, 'warning').map(w => w.split(':')[2]?.trim())).toHaveLength(3);
  });
});

describe('hints', () => {
  test('an embedded store makes its own key', () => {
    const parsed = parse(good({ 1: '' }));
    expect(parsed.config?.signingKeys).toEqual([]);
    expect(told(parsed, 'hint')).toEqual([
      '2:1 signing_keys: no signing_keys: a key is made and kept in the store’s directory',
    ]);
  });

  test('pushes need a base_url', () => {
    const receive = { 14: '        observe: { kind: receive }' };
    expect(parse(good(receive)).diagnostics).toMatchObject([
      { level: 'hint', line: 14, column: 9, path: 'pipelines.ssh.checkpoints[1].observe' },
    ]);
    expect(parse(good(receive, 'base_url: https://x.example.com')).diagnostics).toEqual([]);
  });
});

test('100,000 targets are read, one more is refused', () => {
  const targets = (n: number) =>
    good({ 5: `    targets: [${Array.from({ length: n }, (_, i) => `t${i}`).join(',')}]` });
  expect(configOf(targets(100_000)).pipelines[0]?.targets).toHaveLength(100_000);
  expect(told(parse(targets(100_001)))).toEqual([
    '5:5 pipelines.ssh.targets: expected at most 100000 targets, found a list of 100001',
  ]);
});
