import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { expect, test } from 'vitest';
import { createLab } from '../../src/lab/lab.ts';
import { lineOf, seeded, tokenOf } from './bench.ts';

test('over real sockets, every hop by HTTP: from the agent to the log store', async () => {
  let base = '';
  const archived: string[] = [];
  const clock = {
    now: () => Date.now(),
    mono: () => performance.now(),
    sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, { signal }),
  };
  const lab = createLab({
    clock,
    random: seeded(7),
    fetch: globalThis.fetch,
    baseUrl: () => base,
    dispatchEveryMs: 5,
    stepEveryMs: 2,
    tenant: 'demo',
    archive: line => void archived.push(line),
  });
  const server = serve({ fetch: lab.app.fetch, hostname: '127.0.0.1', port: 0 });
  const stop = new AbortController();
  try {
    await new Promise(resolve => server.once('listening', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const running = lab.run(stop.signal);
    const sent = await fetch(`${base}/lab/agents/web-3/logs`, { method: 'POST', body: lineOf(1) });
    expect(sent.status).toBe(200);
    const url = `${base}/loki/api/v1/query_range?query=${encodeURIComponent('{job="auth", host="web-3"} |= "coalmine1"')}&end=${Math.floor(Date.now() / 1000) + 60}`;
    let text = '';
    for (let tries = 0; tries < 500 && !text.includes(tokenOf(1)); tries++) {
      await sleep(4);
      const response = await fetch(url, { headers: { 'x-scope-orgid': 'demo' } });
      expect(Math.abs(Date.parse(response.headers.get('date')!) - Date.now())).toBeLessThan(5_000);
      text = await response.text();
    }
    expect(text).toContain(tokenOf(1));
    expect(archived).toEqual([lineOf(1)]);
    lab.faults.set({ store: { query: 'hang' } });
    await expect(fetch(url, { signal: AbortSignal.timeout(20) })).rejects.toThrow(/timeout|abort/i);
    stop.abort();
    await running;
  } finally {
    stop.abort();
    server.close();
    (server as import('node:http').Server).closeAllConnections();
  }
});
