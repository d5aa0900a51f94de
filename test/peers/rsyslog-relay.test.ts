/**
 * An rsyslog that relays to another over TCP; the second one is killed with -9, twice. What it loses is told of it alone,
 * by name; what the relay held meanwhile comes after all, and isn't counted as lost.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, isSeen, namesWhere, startCoalmine, type Verdict } from './support/coalmine.ts';
import { describePeer } from './support/needs.ts';
import { pause } from './support/process.ts';
import { flushedEvery, namesIn, RSYSLOG, type Rsyslog, rsyslogAt } from './support/rsyslog.ts';
import { useScene } from './support/scene.ts';

const FLUSH_S = 2;

describePeer('rsyslog relaying to rsyslog', [RSYSLOG], () => {
  const db = useDatabase();
  const scene = useScene('rsyslog');
  let agent: Rsyslog;
  let central: Rsyslog;
  let coalmine: Coalmine;

  beforeAll(async () => {
    const template = 'RSYSLOG_SyslogProtocol23Format';
    const folderOf = (name: string) => {
      const folder = join(scene.dir, name);
      mkdirSync(folder);
      return folder;
    };
    central = await rsyslogAt({
      dir: folderOf('central'),
      template,
      fileParameters: flushedEvery(FLUSH_S),
    });
    agent = await rsyslogAt({ dir: folderOf('agent'), template, forwardTo: central.tcp });
    await scene.keep(central).start();
    await scene.keep(agent).start();
    coalmine = scene.keep(
      await startCoalmine({
        store: db.options,
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
      }),
    );
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
    const at = (checkpoint: string) => coalmine.settled(checkpoint, endedMs);
    const [first, second] = [await at('agent'), await at('central')];
    expect(namesWhere(first, v => v.verdict !== 'on_time')).toEqual([]);
    const inFirst = new Set(namesIn(agent.log));
    expect(namesWhere(first, v => !inFirst.has(v.name))).toEqual([]);

    const inSecond = new Set(namesIn(central.log));
    const lacks = (v: Verdict) => !inSecond.has(v.name);
    expect(namesWhere(second, v => v.verdict === 'lost')).toEqual(namesWhere(second, lacks));
    expect(namesWhere(second, lacks).length).toBeGreaterThan(5);
    expect(namesWhere(second, isSeen)).toEqual(namesWhere(second, v => !lacks(v)));
    expect(namesWhere(second, isSeen).length).toBeGreaterThan(50);
    expect(coalmine.errors).toEqual([]);
  });
});
