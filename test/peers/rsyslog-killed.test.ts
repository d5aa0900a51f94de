/**
 * rsyslog killed with -9 while canaries run: what it had taken and not yet written is lost, and what we report as lost is
 * that, by name.
 */
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import {
  type Coalmine,
  isOpen,
  isSeen,
  namesWhere,
  startCoalmine,
  type Verdict,
} from './support/coalmine.ts';
import { describePeer } from './support/needs.ts';
import { pause } from './support/process.ts';
import { flushedEvery, namesIn, RSYSLOG, type Rsyslog, rsyslogAt } from './support/rsyslog.ts';
import { useScene } from './support/scene.ts';

/** rsyslog holds lines for so long before it writes them; what it holds dies with it. */
const FLUSH_S = 2;

describePeer('rsyslog killed with -9 and started again', [RSYSLOG], () => {
  const db = useDatabase();
  const scene = useScene('rsyslog');
  let rsyslog: Rsyslog;
  let coalmine: Coalmine;

  beforeAll(async () => {
    rsyslog = await rsyslogAt({
      dir: scene.dir,
      template: 'RSYSLOG_SyslogProtocol23Format',
      fileParameters: flushedEvery(FLUSH_S),
    });
    await scene.keep(rsyslog).start();
    coalmine = scene.keep(
      await startCoalmine({
        store: db.options,
        pipelines: `
  auth:
    every: 200ms
    event: { format: sshd, user: canary }
    inject: { kind: syslog, address: "tcp://127.0.0.1:${rsyslog.tcp}" }
    targets: [web-1, web-2, web-3]
    send_within: 1s
    checkpoints:
      - { name: file, observe: { kind: file, path: "${rsyslog.log}" }, on_time_within: 4s, lost_after: 7s, look_every: 500ms, settle: 200ms }
`,
      }),
    );
  });

  test('losses are what the file lacks, by name, and nothing else is', async () => {
    for (let kills = 0; kills < 3; kills++) {
      // Longer than a flush, so that something is written, and not a multiple of it, so that something isn't.
      await pause(FLUSH_S * 1_000 + 1_300);
      await rsyslog.kill();
      // Longer than send_within: some canaries are refused by nobody being there.
      await pause(1_700);
      await rsyslog.start();
    }
    const endedMs = Date.now();
    await pause(11_000);
    const settled = await coalmine.settled('file', endedMs);
    const held = namesIn(rsyslog.log);
    const inFile = new Set(held);
    const accepted = (v: Verdict) => v.sending === 'accepted';

    const lost = namesWhere(settled, v => v.verdict === 'lost');
    expect(lost).toEqual(namesWhere(settled, v => accepted(v) && !inFile.has(v.name)));
    expect(lost.length).toBeGreaterThan(5);
    expect(namesWhere(settled, isSeen)).toEqual(namesWhere(settled, v => inFile.has(v.name)));
    // Nobody was there to take these: the path said no, it lost nothing.
    const refused = namesWhere(settled, v => v.verdict === 'refused');
    expect(refused.length).toBeGreaterThan(5);
    expect(namesWhere(settled, v => v.verdict === 'refused' && v.sending !== 'refused')).toEqual([]);
    expect(namesWhere(settled, isOpen)).toEqual([]);
    expect(coalmine.errors).toEqual([]);
  });
});
