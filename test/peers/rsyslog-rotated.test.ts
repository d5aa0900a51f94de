/** rsyslog's file, rotated while canaries run as Debian's logrotate configuration rotates it: nothing is falsely lost. */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, namesWhere, startCoalmine, tally } from './support/coalmine.ts';
import { describePeer, programAt } from './support/needs.ts';
import { pause } from './support/process.ts';
import { LOGROTATE, namesInFamily, RSYSLOG, type Rsyslog, rsyslogAt } from './support/rsyslog.ts';
import { useScene } from './support/scene.ts';

const ROTATIONS = 5;

describePeer("rsyslog's file rotated by logrotate", [RSYSLOG, LOGROTATE], () => {
  const db = useDatabase();
  const scene = useScene('rsyslog');
  let rsyslog: Rsyslog;
  let coalmine: Coalmine;

  /** As /etc/logrotate.d/rsyslog has it, with a signal to the private one. */
  const rotate = () => {
    writeFileSync(
      join(scene.dir, 'logrotate.conf'),
      `${rsyslog.log} {
  rotate ${ROTATIONS + 1}
  missingok
  notifempty
  compress
  delaycompress
  sharedscripts
  postrotate
    kill -HUP $(cat ${scene.dir}/rsyslog.pid)
  endscript
}
`,
      { mode: 0o644 },
    );
    const args = ['--force', '--state', join(scene.dir, 'state'), join(scene.dir, 'logrotate.conf')];
    execFileSync(programAt('logrotate')!, args, { timeout: 10_000 });
  };

  beforeAll(async () => {
    rsyslog = await rsyslogAt({ dir: scene.dir, template: 'RSYSLOG_SyslogProtocol23Format' });
    await scene.keep(rsyslog).start();
    coalmine = scene.keep(
      await startCoalmine({
        store: db.options,
        pipelines: `
  auth:
    every: 100ms
    event: { format: sshd, user: canary }
    inject: { kind: syslog, address: "tcp://127.0.0.1:${rsyslog.tcp}" }
    targets: [web-1, web-2]
    send_within: 2s
    checkpoints:
      - { name: file, observe: { kind: file, path: "${rsyslog.log}" }, on_time_within: 2s, lost_after: 4s, look_every: 500ms, settle: 200ms }
`,
      }),
    );
  });

  test('every canary is on time, whichever file it stands in', async () => {
    await pause(3_000);
    for (let i = 0; i < ROTATIONS; i++) {
      rotate();
      await pause(2_500);
    }
    const endedMs = Date.now();
    await pause(3_500);
    const settled = await coalmine.settled('file', endedMs);
    expect(tally(settled)).toEqual({ on_time: settled.length });
    expect(settled.length).toBeGreaterThan(200);

    // The files themselves: rotated as asked, and every canary in exactly one of them.
    const compressed = readdirSync(scene.dir).filter(name => name.endsWith('.gz'));
    expect(compressed.length).toBe(ROTATIONS - 1);
    execFileSync(
      'gunzip',
      compressed.map(name => join(scene.dir, name)),
      { timeout: 10_000 },
    );
    const held = namesInFamily(scene.dir, 'auth.log');
    expect(held.length).toBe(new Set(held).size);
    const inFiles = new Set(held);
    expect(namesWhere(settled, v => !inFiles.has(v.name))).toEqual([]);
    expect(await coalmine.findings('duplicate')).toBe(0);
    expect(coalmine.errors).toEqual([]);
  });
});
