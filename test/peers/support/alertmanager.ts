/** Debian's Alertmanager, private to its test: no cluster, one receiver, and a resolve_timeout of a second. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program, programAt } from './needs.ts';
import { freePorts, type PeerProcess, startPeer, takesConnections } from './process.ts';

const NAME = 'prometheus-alertmanager';
/** Installed, not unpacked: Debian's reads its templates from /usr/share. */
export const ALERTMANAGER = program(NAME, `apt-get install -y --no-install-recommends ${NAME}`);

/** An alert as its API gives it. */
export interface PeerAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly status: { readonly state: string };
}

export interface Alertmanager {
  readonly url: string;
  /** The alerts that it holds for open. */
  alerts(): Promise<PeerAlert[]>;
  /** Ends it as a power cut would, and starts another in its place: of alerts, it keeps none. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const configFor = (webhook: string): string => `
global: { resolve_timeout: 1s }
route: { receiver: ours, group_by: [incident], group_wait: 100ms, group_interval: 500ms, repeat_interval: 1h }
receivers:
  - name: ours
    webhook_configs: [{ url: "${webhook}", send_resolved: true }]
`;

/** Starts one that tells `webhook` of what fires and what is resolved. */
export const startAlertmanager = async (webhook: string): Promise<Alertmanager> => {
  const dir = mkdtempSync(join(tmpdir(), 'coalmine-alertmanager-'));
  const [port = 0] = await freePorts(1);
  writeFileSync(join(dir, 'alertmanager.yml'), configFor(webhook));
  const url = `http://127.0.0.1:${port}`;
  const start = (): Promise<PeerProcess> =>
    startPeer({
      command: programAt(NAME) ?? NAME,
      args: [
        `--config.file=${join(dir, 'alertmanager.yml')}`,
        `--storage.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      cwd: dir,
      ready: () => takesConnections(port),
    });
  let peer = await start();
  return {
    url,
    async alerts() {
      const response = await fetch(`${url}/api/v2/alerts?active=true`, { signal: AbortSignal.timeout(5000) });
      return (await response.json()) as PeerAlert[];
    },
    async restart() {
      await peer.kill();
      peer = await start();
    },
    async stop() {
      await peer.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
