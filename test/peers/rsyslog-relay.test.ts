/**
 * An rsyslog that relays to another over TCP; the second one is killed with -9, twice. What it loses is told of it alone,
 * by name; what the relay held meanwhile comes after all, and isn't counted as lost.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, namesWhere, startCoalmine, type Verdict } from './support/coalmine.ts';
import { describePeer } from './support/needs.ts';
import { freePorts, pause } from './support/process.ts';
import { namesIn, RSYSLOG, type Rsyslog, rsyslogAt } from './support/rsyslog.ts';

const FLUSH_S = 2;
const SEEN: readonly string[] = ['on_time', 'late', 'delivered', 'recovered'];

describePeer('rsyslog relaying to rsyslog', [RSYSLOG], () => {
  const db = useDatabase();
  let dir = '';
  let agent: Rsyslog;
  let central: Rsyslog;
  let coalmine: Coalmine;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'coalmine-rsyslog-'));
    const [port = 0] = await freePorts(1);
    const template = 'RSYSLOG_SyslogProtocol23Format';
    const folderOf = (name: string) => {
      const folder = join(dir, name);
      mkdirSync(folder);
      return folder;
    };
    central = await rsyslogAt({
      dir: folderOf('central'),
      template,
      fileParameters: `asyncWriting="on" flushOnTXEnd="off" flushInterval="${FLUSH_S}" ioBufferSize="256k"`,
    });
    agent = await rsyslogAt({ dir: folderOf('agent'), template, forwardTo: central.tcp });
    await central.start();
    await agent.start();
    coalmine = await startCoalmine({
      store: db.options,
      port,
      pipelines: `
  auth:
    every: 200ms
    event: { format: sshd, user: canary }
    inject: { kind: syslog, address: "tcp://127.0.0.1:${agent.tcp}" }
    targets: [web-1, web-2]
    send_within: 1s
    checkpoints:
      - { name: agent, observe: { kind: file, path: "${agent.log}" }, on_time_within: 2s, lost_after: 5s, look_every: 500ms, settle: 200ms }
      - { name: central, observe: { kind: file, path: "${central.log}" }, on_time_within: 4s, lost_after: 9s, look_every: 500ms, settle: 200ms }
`,
    });
  });
  afterAll(async () => {
    await coalmine?.stop();
    await agent?.kill();
    await central?.kill();
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  test('the loss is between the two, and is what the second file lacks', async () => {
    for (let kills = 0; kills < 2; kills++) {
      await pause(FLUSH_S * 1_000 + 1_300);
      await central.kill();
      await pause(2_500);
      await central.start();
    }
    await pause(3_000);
    const endedMs = Date.now();
    await pause(12_500);
    const at = async (checkpoint: string) =>
      (await coalmine.verdicts(checkpoint)).filter(v => v.slot < endedMs);
    const [first, second] = [await at('agent'), await at('central')];
    expect(namesWhere(first, v => v.verdict !== 'on_time')).toEqual([]);
    const inFirst = new Set(namesIn(agent.log));
    expect(namesWhere(first, v => !inFirst.has(v.name))).toEqual([]);

    const inSecond = new Set(namesIn(central.log));
    const lacks = (v: Verdict) => !inSecond.has(v.name);
    expect(namesWhere(second, v => v.verdict === 'lost')).toEqual(namesWhere(second, lacks));
    expect(namesWhere(second, lacks).length).toBeGreaterThan(5);
    expect(namesWhere(second, v => SEEN.includes(v.verdict))).toEqual(namesWhere(second, v => !lacks(v)));
    expect(namesWhere(second, v => SEEN.includes(v.verdict)).length).toBeGreaterThan(50);
    expect(coalmine.errors).toEqual([]);
  });
});
