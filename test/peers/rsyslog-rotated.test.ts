/** rsyslog's file, rotated while canaries run as Debian's logrotate configuration rotates it: nothing is falsely lost. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { type Coalmine, namesWhere, startCoalmine, tally } from './support/coalmine.ts';
import { describePeer, programAt } from './support/needs.ts';
import { freePorts, pause } from './support/process.ts';
import { LOGROTATE, namesInFamily, RSYSLOG, type Rsyslog, rsyslogAt } from './support/rsyslog.ts';

const ROTATIONS = 5;

describePeer("rsyslog's file rotated by logrotate", [RSYSLOG, LOGROTATE], () => {
  const db = useDatabase();
  let dir = '';
  let rsyslog: Rsyslog;
  let coalmine: Coalmine;

  /** As /etc/logrotate.d/rsyslog has it, with a signal to the private one. */
  const rotate = () => {
    writeFileSync(
      join(dir, 'logrotate.conf'),
      `${rsyslog.log} {
  rotate ${ROTATIONS + 1}
  missingok
  notifempty
  compress
  delaycompress
  sharedscripts
  postrotate
    kill -HUP $(cat ${dir}/rsyslog.pid)
  endscript
}
`,
      { mode: 0o644 },
    );
    const args = ['--force', '--state', join(dir, 'state'), join(dir, 'logrotate.conf')];
    execFileSync(programAt('logrotate')!, args, { timeout: 10_000 });
  };

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'coalmine-rsyslog-'));
    const [port = 0] = await freePorts(1);
    rsyslog = await rsyslogAt({ dir, template: 'RSYSLOG_SyslogProtocol23Format' });
    await rsyslog.start();
    coalmine = await startCoalmine({
      store: db.options,
      port,
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
    });
  });
  afterAll(async () => {
    await coalmine?.stop();
    await rsyslog?.kill();
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  test('every canary is on time, whichever file it stands in', async () => {
    await pause(3_000);
    for (let i = 0; i < ROTATIONS; i++) {
      rotate();
      await pause(2_500);
    }
    const endedMs = Date.now();
    await pause(3_500);
    const settled = (await coalmine.verdicts('file')).filter(v => v.slot < endedMs);
    expect(tally(settled)).toEqual({ on_time: settled.length });
    expect(settled.length).toBeGreaterThan(200);

    // The files themselves: rotated as asked, and every canary in exactly one of them.
    const compressed = readdirSync(dir).filter(name => name.endsWith('.gz'));
    expect(compressed.length).toBe(ROTATIONS - 1);
    execFileSync(
      'gunzip',
      compressed.map(name => join(dir, name)),
      { timeout: 10_000 },
    );
    const held = namesInFamily(dir, 'auth.log');
    expect(held.length).toBe(new Set(held).size);
    const inFiles = new Set(held);
    expect(namesWhere(settled, v => !inFiles.has(v.name))).toEqual([]);
    expect(await coalmine.findings('duplicate')).toBe(0);
    expect(coalmine.errors).toEqual([]);
  });
});
