/** A private Grafana Loki, of which the user gives the program: its own configuration, data directory and ports. */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LogStore, nameOfRecord } from './log-store.ts';
import type { Need } from './needs.ts';
import { answersOk, freePorts, type PeerProcess, startPeer } from './process.ts';

const PROGRAM = process.env.COALMINE_PEER_LOKI ?? '';

export const LOKI: Need = {
  what: 'COALMINE_PEER_LOKI',
  found: () => {
    if (PROGRAM === '') return false;
    accessSync(PROGRAM, constants.X_OK);
    return true;
  },
  how: 'set it to the path of a Loki 3 program',
};

/** Small, so that a look takes several pages: it reads all of the last minutes again. */
const PAGE_SIZE = 50;
const READY_WITHIN_MS = 60_000;

/** One process, everything on loopback and in `dir`, and no reports about its use. */
const configOf = (dir: string, ports: { readonly http: number; readonly grpc: number }): string => `
auth_enabled: false
analytics: { reporting_enabled: false }
server:
  http_listen_address: 127.0.0.1
  http_listen_port: ${ports.http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: ${ports.grpc}
  log_level: warn
common:
  instance_addr: 127.0.0.1
  path_prefix: "${dir}"
  replication_factor: 1
  ring: { kvstore: { store: inmemory } }
  storage:
    filesystem: { chunks_directory: "${dir}/chunks", rules_directory: "${dir}/rules" }
ingester:
  lifecycler: { min_ready_duration: 0s }
schema_config:
  configs:
    - { from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: { prefix: index_, period: 24h } }
`;

interface Streams {
  readonly data: {
    readonly result: readonly {
      readonly stream: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [ns: string, line: string])[];
    }[];
  };
}

export const lokiAt = async (dir: string): Promise<LogStore> => {
  const [http = 0, grpc = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${http}`;
  const config = join(dir, 'loki.yaml');
  writeFileSync(config, configOf(join(dir, 'data'), { http, grpc }));
  let now: PeerProcess | undefined;
  return {
    url,
    pushPath: '',
    observe: `{ kind: loki, url: "${url}", query: '{job="coalmine"}', page_size: ${PAGE_SIZE} }`,
    async held() {
      const startNs = BigInt(Date.now() - 3_600_000) * 1_000_000n;
      const asked = new URLSearchParams({
        query: '{job="coalmine"}',
        limit: '5000',
        start: String(startNs),
      });
      const answer = await fetch(`${url}/loki/api/v1/query_range?${asked}`, {
        signal: AbortSignal.timeout(10_000),
      });
      const { data } = (await answer.json()) as Streams;
      return data.result.flatMap(({ stream, values }) =>
        values.map(([, line]) => nameOfRecord(stream.host ?? '', line)),
      );
    },
    async start() {
      now = await startPeer({
        command: PROGRAM,
        args: [`-config.file=${config}`],
        cwd: dir,
        ready: () => answersOk(`${url}/ready`),
        readyWithinMs: READY_WITHIN_MS,
      });
    },
    stop: async () => void (await now?.end()),
  };
};
