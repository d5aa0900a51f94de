import { afterEach, describe, expect, test } from 'vitest';
import type { Context } from '../../src/contracts/context.ts';
import { SettingsError } from '../../src/contracts/definition.ts';
import type { Outgoing } from '../../src/contracts/injector.ts';
import loki from '../../src/injectors/loki.ts';
import { injectorConformance, nodeContext, outgoing, type Settings } from '../conformance/injector.ts';
import { hangingEnd, httpEnd, refusingEnd, say } from './http-end.ts';

const never = new AbortController().signal;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Grafana's documented push body. */
interface Push {
  streams: { stream: Record<string, string>; values: [string, string, Record<string, string>?][] }[];
}
const pushOf = (body: string): Push => JSON.parse(body) as Push;
const entriesOf = (body: string) => pushOf(body).streams.flatMap(s => s.values);

injectorConformance('loki', {
  definition: loki,
  async receiver() {
    const end = await httpEnd(say(204));
    return {
      settings: { url: end.url },
      received: () => end.told.flatMap(t => entriesOf(t.body).map(([, line]) => line)),
      atOnceMax: end.atOnceMax,
      stop: end.stop,
      restart: end.restart,
      close: () => end.stop().catch(() => {}),
    };
  },
  nobody: 'refused',
  hanging: () => hangingEnd(url => ({ url })),
  refusing: () => refusingEnd(401, url => ({ url })),
  lineFeed: 'kept',
  atOnceMax: 4,
});

const push = async (
  given: {
    status?: number;
    body?: string;
    headers?: Record<string, string>;
    settings?: Settings;
    ctx?: Context;
  },
  canaries: readonly Outgoing[] = [outgoing(1)],
) => {
  const end = await httpEnd(say(given.status ?? 204, given.body, given.headers));
  cleanups.push(end.stop);
  const injector = await loki.create(
    loki.schema.parse({ url: `${end.url}/`, ...given.settings }),
    given.ctx ?? nodeContext,
  );
  const outcomes = await injector.inject(canaries, never);
  return { outcomes, told: end.told, injector };
};

describe('what Loki is sent', () => {
  test('path, tenant and credentials', async () => {
    const settings = { tenant: 'security', basic: { username: 'ü', password: 'p:w' } };
    const { told } = await push({ settings });
    expect(told[0]).toMatchObject({ method: 'POST', path: '/loki/api/v1/push' });
    const authorization = `Basic ${Buffer.from('ü:p:w').toString('base64')}`;
    expect(told[0]?.headers).toMatchObject({
      'x-scope-orgid': 'security',
      'content-type': 'application/json',
      authorization,
    });
    expect((await push({ settings: { bearer_token: 'b' } })).told[0]?.headers.authorization).toBe('Bearer b');
  });

  test('one stream for each target, never the token in a label', async () => {
    const canaries = [outgoing(1), { ...outgoing(2), target: 'web-2' }, outgoing(3)];
    const { told } = await push({ settings: { labels: { job: 'auth', host: '{{target}}' } } }, canaries);
    const { streams } = pushOf(told[0]?.body ?? '');
    expect(streams.map(s => [s.stream, s.values.length])).toEqual([
      [{ job: 'auth', host: 'web-1' }, 2],
      [{ job: 'auth', host: 'web-2' }, 1],
    ]);
  });

  test('the token as structured metadata when asked', async () => {
    const canary = outgoing(1);
    const asked = await push({ settings: { token_in: 'metadata' } }, [canary]);
    expect(entriesOf(asked.told[0]?.body ?? '')[0]?.[2]).toEqual({ coalmine_token: canary.token });
    expect(entriesOf((await push({}, [canary])).told[0]?.body ?? '')[0]).toHaveLength(2);
  });

  test('timestamps are nanoseconds of the context clock and rise strictly, even while it stands or steps back', async () => {
    let now = 1_700_000_000_000;
    const ctx = { ...nodeContext, clock: { ...nodeContext.clock, now: () => now } };
    const { told, injector } = await push({ ctx }, [outgoing(1), outgoing(2)]);
    now -= 5;
    await injector.inject([outgoing(3)], never);
    now += 50;
    await injector.inject([outgoing(4)], never);
    const stamps = told.flatMap(t => entriesOf(t.body).map(([ns]) => ns));
    expect(stamps).toEqual([
      '1700000000000000000',
      '1700000000000000001',
      '1700000000000000002',
      '1700000000045000000',
    ]);
  });

  test('a clock set far back is followed, or Loki would refuse the future', async () => {
    let now = 1_700_000_000_000;
    const ctx = { ...nodeContext, clock: { ...nodeContext.clock, now: () => now } };
    const { told, injector } = await push({ ctx });
    now -= 3_600_000;
    await injector.inject([outgoing(3)], never);
    expect(entriesOf(told[1]?.body ?? '')[0]?.[0]).toBe('1699996400000000000');
  });

  test('pushes are bounded by count and by bytes', async () => {
    const many = Array.from({ length: 25 }, (_, i) => outgoing(i));
    const { told } = await push({ settings: { batch: 10 } }, many);
    expect(told.map(t => entriesOf(t.body).length).sort()).toEqual([10, 10, 5].sort());
    const large = Array.from({ length: 12 }, (_, i) => outgoing(i, 'é"'.repeat(65_000)));
    const pushes = (await push({}, large)).told;
    expect(Math.max(...pushes.map(t => Buffer.byteLength(t.body)))).toBeLessThanOrEqual(1_048_576);
    expect(pushes.flatMap(t => entriesOf(t.body))).toHaveLength(12);
  });

  test('two kinds of credentials are a mistake', () => {
    const settings = { url: 'http://x', bearer_token: 'b', basic: { username: 'u', password: 'p' } };
    expect(() => loki.create(loki.schema.parse(settings), nodeContext)).toThrow(SettingsError);
  });
});

describe("what Loki's answer means", () => {
  test.each([
    [204, 'accepted', undefined],
    [200, 'refused', undefined],
    [260, 'refused', undefined],
    [400, 'refused', undefined],
    [401, 'refused', undefined],
    [429, 'refused', true],
    [500, 'maybe_sent', true],
    [503, 'maybe_sent', true],
  ] as const)('%i to one entry: %s', async (status, result, again) => {
    const { outcomes } = await push({ status, body: 'words' });
    expect(outcomes).toMatchObject([again === undefined ? { result } : { result, again }]);
  });

  const three = [outgoing(1), outgoing(2), outgoing(3)];
  const ignored = (n: number, of: number) =>
    `entry with timestamp … ignored, reason: 'entry too far behind',\nuser 'fake', total ignored: ${n} out of ${of} for stream: {job="x"}`;

  test('a push that was taken in part says of none that it was refused', async () => {
    for (const status of [400, 429]) {
      const { outcomes } = await push({ status, body: ignored(1, 3) }, three);
      expect(outcomes.map(o => o.result)).toEqual(['maybe_sent', 'maybe_sent', 'maybe_sent']);
    }
    const uncounted = await push({ status: 400, body: 'entry for stream has timestamp too old' }, three);
    expect(uncounted.outcomes.map(o => o.result)).toEqual(['maybe_sent', 'maybe_sent', 'maybe_sent']);
  });

  test('all of one stream, of several, is a part as well', async () => {
    const { outcomes } = await push({ status: 400, body: ignored(2, 2) }, three);
    expect(outcomes[0]?.result).toBe('maybe_sent');
  });

  test('a push of which nothing was taken is refused', async () => {
    const { outcomes } = await push({ status: 400, body: ignored(3, 3) }, three);
    expect(outcomes.map(o => o.result)).toEqual(['refused', 'refused', 'refused']);
    const limited = await push(
      { status: 429, body: 'Ingestion rate limit exceeded', headers: { 'retry-after': '3' } },
      three,
    );
    expect(limited.outcomes[0]).toMatchObject({ result: 'refused', again: true, afterMs: 3000 });
  });
});
