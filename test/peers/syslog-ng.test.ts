/**
 * syslog-ng, taking syslog and posting batches to /ingest by its own http(): all on time; and while we are down it holds
 * what it can't post, so that nothing is lost.
 */
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, isOpen, isSeen, namesWhere, startCoalmine, tally } from './support/coalmine.ts';
import { describePeer } from './support/needs.ts';
import { freePorts, pause } from './support/process.ts';
import { namesIn } from './support/rsyslog.ts';
import { useScene } from './support/scene.ts';
import { SYSLOG_NG, type SyslogNg, syslogNgAt } from './support/syslog-ng.ts';

const TARGETS = ['counted', 'lines', 'datagrams'];

describePeer('syslog-ng in by TCP and UDP, out to a file and a push', [SYSLOG_NG], () => {
  const db = useDatabase();
  const scene = useScene('syslog-ng');
  let syslogNg: SyslogNg;
  let coalmine: Coalmine | undefined;
  let start: () => Promise<Coalmine>;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    syslogNg = await syslogNgAt({ dir: scene.dir, pushTo: `http://127.0.0.1:${port}/ingest/auth/pushed` });
    await scene.keep(syslogNg).start();
    const { counted, lines, udp, log } = syslogNg;
    const pipelines = `
  auth:
    every: 300ms
    event: { format: sshd, user: canary }
    inject: { kind: syslog, address: "tcp://127.0.0.1:${counted}" }
    targets:
      counted: {}
      lines: { address: "tcp://127.0.0.1:${lines}", framing: lf }
      datagrams: { address: "udp://127.0.0.1:${udp}" }
    send_within: 1s
    checkpoints:
      - { name: file, observe: { kind: file, path: "${log}" }, on_time_within: 2s, lost_after: 5s, look_every: 500ms, settle: 200ms }
      - { name: pushed, after: source, observe: { kind: receive }, on_time_within: 3s, lost_after: 6s, look_every: 500ms, settle: 1s }
`;
    start = async () => scene.keep(await startCoalmine({ store: db.options, port, pipelines }));
  });

  test('every canary of every way is on time at both checkpoints', async () => {
    coalmine = await start();
    await pause(9_000);
    const judgedBefore = Date.now() - 4_000;
    const held = new Set(namesIn(syslogNg.log));
    for (const checkpoint of ['file', 'pushed']) {
      const settled = await coalmine.settled(checkpoint, judgedBefore);
      expect(tally(settled), checkpoint).toEqual({ on_time: settled.length });
      for (const target of TARGETS) {
        expect(namesWhere(settled, v => v.target === target).length, target).toBeGreaterThan(8);
      }
      expect(namesWhere(settled, v => !held.has(v.name))).toEqual([]);
    }
    expect(coalmine.errors).toEqual([]);
  });

  test('we go down for three seconds and come back: what was taken meanwhile is pushed, none is lost', async () => {
    await coalmine?.stop();
    await pause(3_000);
    coalmine = await start();
    await pause(4_000);
    const endedMs = Date.now();
    await pause(8_000);
    const held = new Set(namesIn(syslogNg.log));
    for (const checkpoint of ['file', 'pushed']) {
      const settled = await coalmine.settled(checkpoint, endedMs);
      const seen = namesWhere(settled, isSeen);
      expect(seen, checkpoint).toEqual(namesWhere(settled, v => held.has(v.name)));
      expect(namesWhere(settled, v => v.verdict === 'lost')).toEqual([]);
      expect(namesWhere(settled, isOpen)).toEqual([]);
    }
    expect(coalmine.errors).toEqual([]);
  });
});
