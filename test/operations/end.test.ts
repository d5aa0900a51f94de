/** Ends: on the first signal everything under way is committed, on the second nothing is waited for. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ask, fileConfig, newDir, run, tokensIn, until } from './program.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** An end that holds every request for `ms` before it takes it. */
async function slowEnd(ms: number): Promise<{ url: string; taken: () => number; begun: () => number }> {
  let begun = 0;
  let taken = 0;
  const server = createServer((req, res) => {
    begun++;
    req.resume();
    setTimeout(() => {
      taken++;
      res.writeHead(204).end();
    }, ms);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    taken: () => taken,
    begun: () => begun,
  };
}

const slowConfig = (dir: string, url: string): string =>
  fileConfig(dir).replace(/inject: .*/, `inject: { kind: http, url: ${JSON.stringify(url)} }`);

test.each(['SIGTERM', 'SIGHUP'] as const)(
  '%s while a canary is under way: its outcome is committed, and the end is quick and good',
  async signal => {
    const dir = newDir();
    const end = await slowEnd(700);
    const program = await run(dir, slowConfig(dir, end.url));
    await until(() => expect(end.begun()).toBeGreaterThan(end.taken()));
    const { code, ms } = await program.end(signal);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5_000);
    expect(program.log().at(-1)).toMatchObject({ event: 'stopped' });
    if (signal !== 'SIGTERM') return;
    const again = await run(dir, slowConfig(dir, end.url));
    const rows = await ask(
      join(dir, 'data'),
      sql => sql`
        select sendings[1] as sending from beat
         where sendings is not null order by due_ms`,
    );
    expect(rows.length).toBeGreaterThan(0);
    // 0: accepted; 3: unsent, for what was planned and hadn't left.
    for (const row of rows) expect([0, 3]).toContain(row.sending);
    expect(rows.filter(r => r.sending === 0).length).toBeGreaterThan(0);
    await again.end();
  },
);

test('a second signal ends it at once; the next start knows what it doesn’t know', async () => {
  const dir = newDir();
  const end = await slowEnd(8_000);
  const program = await run(dir, slowConfig(dir, end.url));
  await until(() => expect(end.begun()).toBeGreaterThan(0));
  const first = program.end();
  await until(() => expect(program.log().some(l => l.event === 'stopping')).toBe(true));
  process.kill(program.pid, 'SIGTERM');
  const { code, ms } = await first;
  expect(code).toBe(130);
  expect(ms).toBeLessThan(2_000);
  const again = await run(dir, slowConfig(dir, end.url));
  const [row] = await ask(
    join(dir, 'data'),
    sql => sql`
      select b.sendings, b.kind, m.counts from beat b join mark m using (pipeline, slot, part)
       order by b.due_ms limit 1`,
  );
  // Nobody knows yet: it becomes maybe_sent when its sender has been gone for 20 s.
  expect(row).toEqual({ sendings: null, kind: 'planned', counts: expect.objectContaining({ pending: 1 }) });
  await again.end('SIGKILL');
});

test('killed and started again: the plan goes on, and no name is sent twice', async () => {
  const dir = newDir();
  const path = join(dir, 'hello.log');
  const program = await run(dir, fileConfig(dir));
  await until(() => expect(tokensIn(path).length).toBeGreaterThanOrEqual(2));
  await program.end('SIGKILL');
  const before = tokensIn(path).length;
  const again = await run(dir, fileConfig(dir));
  await until(() => expect(tokensIn(path).length).toBeGreaterThanOrEqual(before + 2));
  expect((await again.end()).code).toBe(0);
  expect(new Set(tokensIn(path)).size).toBe(tokensIn(path).length);
});
