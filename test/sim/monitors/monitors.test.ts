/** The other monitors on traffic made here: fair set-ups find what they can find, and rarely cry wolf on quiet traffic. */
import { describe, expect, test } from 'vitest';
import { createMonitors, type MonitorSetting } from '../../../src/sim/monitors/index.ts';
import type { OtherMonitor, PathMinute } from '../../../src/sim/scenario.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const startMs = Date.UTC(2025, 0, 6);
const onsetMs = startMs + 10 * DAY + 11 * HOUR;

/** Busy by day, a fifth of it by night, a third at weekends. */
const usual =
  (perMinute: number) =>
  (atMs: number): number => {
    const hour = (atMs / HOUR) % 24;
    const weekend = [0, 6].includes(new Date(atMs).getUTCDay()) ? 0.33 : 1;
    return perMinute * weekend * (0.6 - 0.4 * Math.cos(((hour - 2) / 12) * Math.PI));
  };

/** xorshift32: the same noise every time. */
function noise(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

type Change = (atMs: number, minute: PathMinute) => Partial<PathMinute>;

function fed(
  of: { readonly perMinute: number; readonly days: number; readonly incident?: Partial<MonitorSetting> },
  change: Change = () => ({}),
): Record<OtherMonitor['name'], OtherMonitor> {
  const usualEvents = usual(of.perMinute);
  const random = noise(7);
  const normal = (): number => random() + random() + random() + random() + random() + random() - 3;
  const monitors = createMonitors({ startMs, usualEvents, explained: null, ...of.incident });
  let daily = 1;
  let lastMs = startMs;
  for (let atMs = startMs + MINUTE; atMs <= startMs + of.days * DAY; atMs += MINUTE) {
    // No two Tuesdays are alike: a tenth more or less, newly each day.
    if (atMs % DAY === MINUTE) daily = 1 + 0.1 * normal();
    const mean = usualEvents(atMs) * daily;
    const events = Math.max(0, Math.round(mean + normal() * 1.4 * Math.sqrt(mean)));
    const plain: PathMinute = {
      atMs,
      agentsAnswering: 1,
      lastEventAgeMs: 0,
      events,
      probeCanary: random() < 0.001 ? 'missing' : 'arrived',
      probeJudgedMs: atMs + 5 * MINUTE,
    };
    const minute = { ...plain, ...change(atMs, plain) };
    if (minute.events > 0) lastMs = atMs;
    monitors.feed({ ...minute, lastEventAgeMs: atMs - lastMs });
  }
  return Object.fromEntries(monitors.results().map(r => [r.name, r])) as ReturnType<typeof fed>;
}

const incident = { explained: { fromMs: onsetMs, toMs: onsetMs + 4 * HOUR } };
const during = (atMs: number): boolean => atMs > onsetMs && atMs <= onsetMs + 3 * HOUR;

describe('on a quiet year', () => {
  test.each([2_000, 20, 1])('with %d events a minute by day, none cries wolf', perMinute => {
    const all = fed({ perMinute, days: 365 });
    expect(Object.values(all).map(m => [m.name, m.falseAlarms, m.saidMs])).toEqual([
      ['uptime check', 0, null],
      ['last event seen', 0, null],
      ['volume drop', 0, null],
      ['3 in a row', 0, null],
    ]);
  });

  test('a public holiday on a weekday is one false alarm of the volume alert a day, no more', () => {
    const holidays = [60, 130, 200].map(d => startMs + d * DAY);
    const { 'volume drop': volume } = fed({ perMinute: 2_000, days: 365 }, (atMs, { events }) => {
      const day = holidays.some(
        h => atMs > h && atMs <= h + DAY && ![0, 6].includes(new Date(h).getUTCDay()),
      );
      return day ? { events: Math.round(events * 0.33) } : {};
    });
    const working = holidays.filter(h => ![0, 6].includes(new Date(h).getUTCDay())).length;
    expect(working).toBeGreaterThan(0);
    expect(volume.falseAlarms).toBe(working);
  });
});

describe('on an incident', () => {
  test('half of the events missing: the volume alert speaks when its third quarter of an hour is over, no other', () => {
    const all = fed({ perMinute: 2_000, days: 14, incident }, (atMs, { events }) =>
      during(atMs) ? { events: Math.round(events / 2) } : {},
    );
    expect(all['volume drop'].saidMs).toBe(onsetMs + 45 * MINUTE);
    expect(all['volume drop'].said).toMatch(/^[45]\d% fewer events/);
    expect(all['last event seen'].saidMs).toBeNull();
    expect(all['uptime check'].saidMs).toBeNull();
  });

  test('an eighth missing: below what anybody sets a volume alert to', () => {
    const all = fed({ perMinute: 2_000, days: 14, incident }, (atMs, { events }) =>
      during(atMs) ? { events: Math.round((events * 7) / 8) } : {},
    );
    expect(all['volume drop'].saidMs).toBeNull();
  });

  test.each([
    [2_000, 15],
    [9, 60],
  ])(
    'nothing arrives, %d a minute: “last event seen” speaks after its %d min',
    (perMinute, thresholdMinutes) => {
      const { 'last event seen': last } = fed({ perMinute, days: 14, incident }, atMs =>
        during(atMs) ? { events: 0 } : {},
      );
      const since = (last.saidMs! - onsetMs) / MINUTE;
      // The newest before was up to a few minutes older where there is little traffic.
      expect(since).toBeLessThanOrEqual(thresholdMinutes + 1);
      expect(since).toBeGreaterThan(thresholdMinutes - 10);
      expect(last.setUp).toContain(thresholdMinutes === 15 ? '15 min' : '1 h');
    },
  );

  test('two canaries missing, one there, three missing: 3 in a row speaks when the third is judged', () => {
    const missing = [1, 2, 4, 5, 6].map(n => onsetMs + n * MINUTE);
    const { '3 in a row': three } = fed({ perMinute: 20, days: 14, incident }, atMs =>
      missing.includes(atMs) ? { probeCanary: 'missing' } : during(atMs) ? { probeCanary: 'arrived' } : {},
    );
    expect(three.saidMs).toBe(onsetMs + 11 * MINUTE);
  });

  test('one agent of a hundred down is no alarm, two are, after three checks', () => {
    const down = (share: number) =>
      fed({ perMinute: 20, days: 14, incident }, atMs =>
        during(atMs) ? { agentsAnswering: 1 - share } : {},
      );
    expect(down(0.01)['uptime check'].saidMs).toBeNull();
    expect(down(0.02)['uptime check'].saidMs).toBe(onsetMs + 3 * MINUTE);
  });

  test('an alarm before it began is false, and doesn’t count for it while it lasts', () => {
    const { 'last event seen': last } = fed({ perMinute: 2_000, days: 14, incident }, atMs =>
      atMs > onsetMs - HOUR && atMs <= onsetMs + HOUR ? { events: 0 } : {},
    );
    expect(last).toMatchObject({ falseAlarms: 1, saidMs: null, said: null });
  });
});
