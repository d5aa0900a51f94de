/** rsyslog, taking syslog in every way we can send it, writing a file and posting to /ingest: all on time at both. */
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, namesWhere, startCoalmine, tally } from './support/coalmine.ts';
import { describePeer } from './support/needs.ts';
import { freePorts, pause } from './support/process.ts';
import { CURL, namesIn, RSYSLOG, RSYSLOG_TLS, type Rsyslog, rsyslogAt } from './support/rsyslog.ts';
import { useScene } from './support/scene.ts';

const RUN_MS = 12_000;
const TARGETS = ['counted', 'lines', 'datagrams', 'secured'];

describePeer('rsyslog in by TCP, UDP and TLS, out to a file and a push', [RSYSLOG, RSYSLOG_TLS, CURL], () => {
  const db = useDatabase();
  const scene = useScene('rsyslog');
  let rsyslog: Rsyslog;
  let coalmine: Coalmine;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    rsyslog = await rsyslogAt({
      dir: scene.dir,
      tls: true,
      pushTo: `http://127.0.0.1:${port}/ingest/auth/pushed`,
    });
    await scene.keep(rsyslog).start();
    const { tcp, udp, tls } = rsyslog;
    coalmine = scene.keep(
      await startCoalmine({
        store: db.options,
        port,
        pipelines: `
  auth:
    every: 500ms
    event: { format: sshd, user: canary }
    inject: { kind: syslog, address: "tcp://127.0.0.1:${tcp}" }
    targets:
      counted: {}
      lines: { framing: lf }
      datagrams: { address: "udp://127.0.0.1:${udp}" }
      secured: { address: "tls://127.0.0.1:${tls}", ca_file: "${rsyslog.caFile}" }
    send_within: 2s
    checkpoints:
      - { name: file, observe: { kind: file, path: "${rsyslog.log}" }, on_time_within: 2s, lost_after: 5s, look_every: 500ms, settle: 200ms }
      - { name: pushed, after: source, observe: { kind: receive }, on_time_within: 3s, lost_after: 6s, look_every: 500ms, settle: 1s }
`,
      }),
    );
  });

  test('every canary of every way is on time at both checkpoints', async () => {
    await pause(RUN_MS);
    const judgedBefore = Date.now() - 4_000;
    for (const checkpoint of ['file', 'pushed']) {
      const settled = await coalmine.settled(checkpoint, judgedBefore);
      expect(tally(settled), checkpoint).toEqual({ on_time: settled.length });
      for (const target of TARGETS) {
        expect(namesWhere(settled, v => v.target === target).length, target).toBeGreaterThan(10);
      }
      const held = new Set(namesIn(rsyslog.log));
      expect(namesWhere(settled, v => !held.has(v.name))).toEqual([]);
    }
  });

  test('rsyslog wrote each one once, and nothing was altered, doubled, echoed or forged', async () => {
    const held = namesIn(rsyslog.log);
    expect(held.length).toBe(new Set(held).size);
    for (const kind of ['altered', 'duplicate', 'echo', 'forged', 'alien']) {
      expect(await coalmine.findings(kind), kind).toBe(0);
    }
    expect(coalmine.errors).toEqual([]);
  });
});
