/** A private rsyslogd: its own configuration, ports, work directory and pid file, nothing of the system's. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEST_CERT, TEST_KEY } from '../../injectors/tls-pair.ts';
import { file, program, programAt } from './needs.ts';
import { freePorts, type PeerProcess, startPeer, takesConnections } from './process.ts';

const moduleAt = (name: string): string[] =>
  ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].map(
    folder => `${folder}/rsyslog/${name}.so`,
  );

export const RSYSLOG = program('rsyslogd', 'apt-get install -y rsyslog');
export const RSYSLOG_TLS = file(
  'rsyslog-gnutls',
  moduleAt('lmnsd_gtls'),
  'apt-get install -y rsyslog-gnutls',
);
export const CURL = program('curl', 'apt-get install -y curl');
export const LOGROTATE = program('logrotate', 'apt-get install -y logrotate');

export interface RsyslogOptions {
  /** An empty directory of the test's own. */
  readonly dir: string;
  readonly tls?: boolean;
  /** How it writes a line; rsyslog's own default for files unless given. */
  readonly template?: 'RSYSLOG_FileFormat' | 'RSYSLOG_SyslogProtocol23Format';
  /** Further parameters of the action that writes the file. */
  readonly fileParameters?: string;
  /** TCP port of another rsyslog to pass everything on to, kept while that one is away. */
  readonly forwardTo?: number;
  /** Where to post each record as a line of JSON, by omprog and curl. */
  readonly pushTo?: string;
}

/** Lines are held for so long before they are written; what is held dies with it. */
export const flushedEvery = (seconds: number): string =>
  `asyncWriting="on" flushOnTXEnd="off" flushInterval="${seconds}" ioBufferSize="256k"`;

export interface Rsyslog {
  readonly tcp: number;
  readonly tls: number;
  /** The same number as `tcp`. */
  readonly udp: number;
  readonly log: string;
  readonly caFile: string;
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** What logrotate's postrotate script sends: reopen the files. */
  hup(): void;
  said(): string;
}

/** omprog's protocol with confirmations: a line in, `OK` out once it is taken, anything else is tried again. */
const PUSHER = `#!/bin/sh
echo OK
while IFS= read -r line; do
  status=$(printf '%s\\n' "$line" | curl -s -m 5 -o /dev/null -w '%{http_code}' -H 'content-type: application/x-ndjson' --data-binary @- "$1")
  if [ "$status" = 204 ]; then echo OK; else echo "expected 204, found $status"; fi
done
`;

const configOf = (o: RsyslogOptions, ports: { tcp: number; tls: number }, log: string): string => `
global(
  workDirectory="${o.dir}"
  defaultNetstreamDriverCAFile="${o.dir}/cert.pem"
  defaultNetstreamDriverCertFile="${o.dir}/cert.pem"
  defaultNetstreamDriverKeyFile="${o.dir}/key.pem"
)
module(load="imtcp")
module(load="imudp")
module(load="omprog")
template(name="json" type="list" option.jsonf="on") {
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="program" name="programname" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}
input(type="imtcp" address="127.0.0.1" port="${ports.tcp}" ruleset="canaries")
input(type="imudp" address="127.0.0.1" port="${ports.tcp}" ruleset="canaries")
${
  o.tls
    ? `input(type="imtcp" address="127.0.0.1" port="${ports.tls}" ruleset="canaries"
  streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")`
    : ''
}
ruleset(name="canaries") {
  action(type="omfile" file="${log}" template="${o.template ?? 'RSYSLOG_FileFormat'}" fileCreateMode="0644" ${o.fileParameters ?? ''})
  ${
    o.forwardTo === undefined
      ? ''
      : `action(type="omfwd" target="127.0.0.1" port="${o.forwardTo}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format"
    queue.type="LinkedList" action.resumeRetryCount="-1" action.resumeInterval="1")`
  }
  ${
    o.pushTo === undefined
      ? ''
      : `action(type="omprog" binary="/bin/sh ${o.dir}/push.sh ${o.pushTo}" template="json" confirmMessages="on"
    queue.type="LinkedList" queue.workerThreads="1" action.resumeRetryCount="-1" action.resumeInterval="1")`
  }
}
`;

export async function rsyslogAt(options: RsyslogOptions): Promise<Rsyslog> {
  const { dir } = options;
  const [tcp = 0, tls = 0] = await freePorts(2);
  const log = join(dir, 'auth.log');
  writeFileSync(join(dir, 'cert.pem'), TEST_CERT);
  writeFileSync(join(dir, 'key.pem'), TEST_KEY, { mode: 0o600 });
  writeFileSync(join(dir, 'push.sh'), PUSHER);
  writeFileSync(join(dir, 'rsyslog.conf'), configOf(options, { tcp, tls }, log));
  let now: PeerProcess | undefined;
  return {
    tcp,
    tls,
    udp: tcp,
    log,
    caFile: join(dir, 'cert.pem'),
    async start() {
      now = await startPeer({
        command: programAt('rsyslogd') ?? 'rsyslogd',
        args: ['-n', '-f', join(dir, 'rsyslog.conf'), '-i', join(dir, 'rsyslog.pid')],
        ready: () => takesConnections(tcp),
      });
    },
    kill: async () => void (await now?.kill()),
    hup: () => now?.signal('SIGHUP'),
    said: () => now?.said() ?? '',
  };
}

/**
 * What a file that rsyslog wrote holds, by the host of its header and the serial number in the certificate's line: read
 * without anything of coalmine's.
 */
export function namesIn(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').flatMap(nameOf);
}

/** The same of a file with all its rotated siblings that aren't compressed. */
export function namesInFamily(dir: string, base: string): string[] {
  const files = readdirSync(dir).filter(name => name.startsWith(base) && !name.endsWith('.gz'));
  return files.flatMap(name => namesIn(join(dir, name)));
}

const LINE =
  / (\S+) sshd:? (?:- - - )?Accepted publickey for \S+ from \S+ port \d+ ssh2: .* \(serial (\d+)\) CA /;

const nameOf = (line: string): string[] => {
  const [, host, slot] = LINE.exec(line) ?? [];
  return host === undefined ? [] : [`${host} ${slot}`];
};
