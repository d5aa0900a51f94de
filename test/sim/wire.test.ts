import { expect, test } from 'vitest';
import type { WireFault } from '../../src/sim/plan.ts';
import { randomOf } from '../../src/sim/random.ts';
import { newActor, Scheduler } from '../../src/sim/scheduler.ts';
import { Trace } from '../../src/sim/trace.ts';
import { Wire } from '../../src/sim/wire.ts';

/** A server of twelve records, five on a page. */
function open(fault: WireFault) {
  const trace = new Trace();
  const scheduler = new Scheduler({ random: randomOf(1, 'scheduler'), trace });
  const [client, server] = [newActor('client'), newActor('server')];
  const asked: string[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const body = (await request.json()) as { after?: number };
    asked.push(JSON.stringify(body));
    const from = body.after ?? 0;
    const hits = Array.from({ length: Math.max(0, Math.min(5, 12 - from)) }, (_, i) => ({ id: from + i }));
    return Response.json({ hits, next: from + 5 < 12 ? from + 5 : null, asked: asked.length });
  };
  const peerOf = (host: string) => (host === 'server' ? { actor: server, answer } : undefined);
  const wire = new Wire({ seed: 1, scheduler, trace, peerOf });
  const fetch = wire.fetchOf(client);
  const run = async (forMs: number) => {
    const endMs = scheduler.nowMs + forMs;
    scheduler.at(endMs + 1, { actor: server, label: 'end', go: () => {} });
    while (await scheduler.step(endMs));
    await scheduler.quiet();
  };
  const ask = async (after?: number, signal?: AbortSignal, host = 'server') => {
    const asking = fetch(`http://${host}/search`, {
      method: 'POST',
      body: JSON.stringify({ after }),
      ...(signal ? { signal } : {}),
    });
    asking.catch(() => {});
    await run(1_000);
    return await asking;
  };
  const page = async (after?: number) => {
    const { hits, next } = (await (await ask(after)).json()) as {
      hits: { id: number }[];
      next: number | null;
    };
    return { ids: hits.map(h => h.id), next };
  };
  wire.set('server', fault, 1);
  return { wire, ask, page, asked, run, fetch };
}

test('without a fault an answer is what was answered', async () => {
  const { page } = open('none');
  expect(await page()).toEqual({ ids: [0, 1, 2, 3, 4], next: 5 });
  expect(await page(10)).toEqual({ ids: [10, 11], next: null });
});

test('timeout_after_acceptance: taken, and no answer until the caller gives up', async () => {
  const { fetch, run, asked } = open('timeout_after_acceptance');
  const stop = new AbortController();
  const asking = fetch('http://server/search', { method: 'POST', body: '{}', signal: stop.signal });
  let ended = 'not';
  asking.then(
    () => (ended = 'answered'),
    () => (ended = 'failed'),
  );
  await run(100_000);
  expect([asked.length, ended]).toEqual([1, 'not']);
  stop.abort(new Error('enough'));
  await expect(asking).rejects.toThrow('enough');
});

test('refuse: nobody was asked', async () => {
  const { ask, asked } = open('refuse');
  const error = await ask().catch((e: Error) => e);
  expect((error as Error & { cause: { code: string } }).cause.code).toBe('ECONNREFUSED');
  expect(asked).toEqual([]);
});

test('nobody listens at an unknown host', async () => {
  const { ask } = open('none');
  await expect(ask(undefined, undefined, 'nowhere')).rejects.toThrow('fetch failed');
});

test('throttle: 429, with how long to wait, and nobody was asked', async () => {
  const { ask, asked } = open('throttle');
  const response = await ask();
  expect([response.status, response.headers.get('retry-after'), asked.length]).toEqual([429, '1', 0]);
});

test('cut: the answer begins, and breaks', async () => {
  const { ask, asked } = open('cut');
  const response = await ask();
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow('fetch failed');
  expect(asked).toHaveLength(1);
});

test('half_page: half of the records, said to be all', async () => {
  expect(await open('half_page').page()).toEqual({ ids: [0, 1], next: null });
});

test('empty: none, said to be all', async () => {
  expect(await open('empty').page()).toEqual({ ids: [], next: null });
});

test('stale: what was answered before', async () => {
  const { wire, page } = open('none');
  await page(10);
  wire.set('server', 'stale', 1);
  expect(await page()).toEqual({ ids: [10, 11], next: null });
});

test('cursor_repeats: the cursor that was asked with', async () => {
  expect((await open('cursor_repeats').page(5)).next).toBe(5);
});

test('cursor_jumps: a cursor one page too far', async () => {
  expect(await open('cursor_jumps').page()).toEqual({ ids: [0, 1, 2, 3, 4], next: 10 });
});

test('twice: taken two times', async () => {
  const { page, asked } = open('twice');
  expect(await page()).toEqual({ ids: [0, 1, 2, 3, 4], next: 5 });
  expect(asked).toHaveLength(2);
});
