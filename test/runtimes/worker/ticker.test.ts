// Alarms of the Durable Object where no store is needed: what it does when it can't tick, and when it need not.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readConfig, SetupError, storeUrl } from '../../../src/runtimes/worker/settings.ts';
import { createTicker, wantsTicker } from '../../../src/runtimes/worker/ticker.ts';

afterEach(() => void vi.restoreAllMocks());

const configOf = (every: string) =>
  JSON.stringify({
    store: 'postgres://u@direct/d',
    signing_keys: ['0123456789abcdef'],
    base_url: 'https://canary.example.com',
    pipelines: {
      p: {
        every,
        send_within: '2m',
        event: { format: 'ocsf' },
        inject: { kind: 'http', url: 'https://collector.example.com/' },
        checkpoints: [
          { name: 'c', observe: { kind: 'receive' }, on_time_within: '5m', lost_after: '1h', keeps: '1d' },
        ],
      },
    },
  });

/** An alarm as the platform keeps it. */
const storage = () => {
  let alarmMs: number | null = null;
  return {
    alarms: [] as number[],
    getAlarm: async () => alarmMs,
    async setAlarm(atMs: number) {
      alarmMs = atMs;
      this.alarms.push(atMs);
    },
  };
};

const quiet = () => {
  const lines: string[] = [];
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
  return lines;
};

describe('the alarm', () => {
  test('is set once by whoever asks first', async () => {
    const kept = storage();
    const ticker = createTicker(kept, { COALMINE_CONFIG: configOf('10s') });
    await ticker.start();
    await ticker.start();
    expect(kept.alarms).toHaveLength(1);
  });

  test('sets itself again after a failure, a little later, and says what failed', async () => {
    const lines = quiet();
    const kept = storage();
    const beganMs = Date.now();
    await createTicker(kept, { COALMINE_CONFIG: 'pipelines: 7' }).alarm();
    expect(kept.alarms).toHaveLength(1);
    expect(kept.alarms[0]! - beganMs).toBeGreaterThanOrEqual(4_900);
    expect(lines.some(l => l.includes('tick.failed') && l.includes('coalmine.yaml:1:'))).toBe(true);
  });

  test('ends where a tick a minute is enough', async () => {
    const kept = storage();
    await createTicker(kept, { COALMINE_CONFIG: configOf('1m') }).alarm();
    expect(kept.alarms).toEqual([]);
  });
});

test('without the binding, what suffers is said', () => {
  const lines = quiet();
  expect(wantsTicker({ COALMINE_CONFIG: configOf('10s') })).toBe(false);
  expect(lines.some(l => l.includes('config.needs_ticker') && l.includes('every'))).toBe(true);
  const TICKER = { idFromName: () => 0, get: () => ({ fetch: async () => new Response() }) };
  expect(wantsTicker({ COALMINE_CONFIG: configOf('10s'), TICKER })).toBe(true);
  expect(wantsTicker({ COALMINE_CONFIG: configOf('1m'), TICKER })).toBe(false);
});

describe('the configuration', () => {
  const named = (name: string) => `\${${name}}`;

  test('names bindings as variables, and the store is where Hyperdrive says now', () => {
    const text = configOf('1m').replace('postgres://u@direct/d', named('HYPERDRIVE'));
    const env = (connectionString: string) => ({ COALMINE_CONFIG: text, HYPERDRIVE: { connectionString } });
    expect(readConfig(env('postgres://u:p@first/d')).store).toEqual({
      kind: 'postgres',
      url: 'postgres://u:p@first/d',
    });
    const later = env('postgres://u:p@second/d');
    expect(storeUrl(later, readConfig(later))).toBe('postgres://u:p@second/d');
  });

  test('without Hyperdrive the store is connected to directly', () => {
    const env = { COALMINE_CONFIG: configOf('1m') };
    expect(storeUrl(env, readConfig(env))).toBe('postgres://u@direct/d');
  });

  test('that is wrong says where, once, and stays wrong', () => {
    const lines = quiet();
    const env = { COALMINE_CONFIG: configOf('1m').replace('"http"', '"file"') };
    for (let i = 0; i < 2; i++) expect(() => readConfig(env)).toThrow(SetupError);
    expect(lines.filter(l => l.includes('config.finding') && l.includes('inject'))).toHaveLength(1);
  });
});
