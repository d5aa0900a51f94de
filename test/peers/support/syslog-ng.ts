/** A private syslog-ng: its own configuration, ports, persist file and pid file, nothing of the system's. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpacked } from './needs.ts';
import { freePorts, type PeerProcess, startPeer, takesConnections } from './process.ts';

/** Installed, it would replace rsyslog: Debian knows one system-log-daemon at a time. */
export const SYSLOG_NG = unpacked('syslog-ng', [
  'syslog-ng-core',
  'syslog-ng-mod-http',
  'libivykis0',
  'libnet1',
  'libpcre3',
  'libwrap0',
]);

export interface SyslogNg {
  /** TCP with octet counts (RFC 6587). */
  readonly counted: number;
  /** TCP with line feeds. */
  readonly lines: number;
  readonly udp: number;
  readonly log: string;
  start(): Promise<void>;
  kill(): Promise<void>;
}

const configOf = (
  ports: { counted: number; lines: number },
  o: { readonly log: string; readonly pushTo: string },
): string => `@version: 3.38
options { stats-freq(0); keep-hostname(yes); time-reopen(1); };
source canaries {
  syslog(ip("127.0.0.1") port(${ports.counted}) transport("tcp"));
  network(ip("127.0.0.1") port(${ports.lines}) transport("tcp") flags(syslog-protocol));
  network(ip("127.0.0.1") port(${ports.lines}) transport("udp") flags(syslog-protocol));
};
destination written { file("${o.log}" perm(0644)); };
destination pushed {
  http(url("${o.pushTo}") method("POST") headers("content-type: application/x-ndjson")
    body("$(format-json --scope rfc5424)") batch-lines(20) batch-timeout(300) timeout(5) time-reopen(1) retries(1000));
};
log { source(canaries); destination(written); };
log { source(canaries); destination(pushed); };
`;

const foldersIn = (path: string, name: RegExp): string[] =>
  existsSync(path)
    ? readdirSync(path)
        .filter(n => name.test(n))
        .map(n => join(path, n))
    : [];

export async function syslogNgAt(options: {
  readonly dir: string;
  readonly pushTo: string;
}): Promise<SyslogNg> {
  const { dir, pushTo } = options;
  const [counted = 0, lines = 0] = await freePorts(2);
  const log = join(dir, 'auth.log');
  const conf = join(dir, 'syslog-ng.conf');
  writeFileSync(conf, configOf({ counted, lines }, { log, pushTo }));
  const found = SYSLOG_NG.at();
  const { root } = SYSLOG_NG;
  const libraries = [
    ...foldersIn(join(root, 'usr/lib'), /-linux-gnu/),
    ...foldersIn(join(root, 'lib'), /-linux-gnu/),
    `${root}/usr/lib/syslog-ng`,
  ];
  const unpackedOnly = found?.isInstalled === false;
  const own = ['-R', join(dir, 'persist'), '-p', join(dir, 'pid'), '-c', join(dir, 'ctl')];
  const modules = foldersIn(join(root, 'usr/lib/syslog-ng'), /^\d/);
  let now: PeerProcess | undefined;
  return {
    counted,
    lines,
    udp: lines,
    log,
    async start() {
      now = await startPeer({
        command: found?.command ?? 'syslog-ng',
        args: [
          '-F',
          '--no-caps',
          '-f',
          conf,
          ...own,
          ...(unpackedOnly ? [`--module-path=${modules[0]}`] : []),
        ],
        env: unpackedOnly ? { LD_LIBRARY_PATH: libraries.join(':') } : {},
        ready: () => takesConnections(lines),
      });
    },
    kill: async () => void (await now?.kill()),
  };
}
