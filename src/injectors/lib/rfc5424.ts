// A syslog record by RFC 5424, and its framing in a stream (RFC 6587): octets are counted, not characters.

export const FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...[
    'ntp',
    'audit',
    'alert',
    'clock',
    'local0',
    'local1',
    'local2',
    'local3',
    'local4',
    'local5',
    'local6',
    'local7',
  ],
] as const;
export const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;

export interface SyslogRecord {
  /** facility × 8 + severity. */
  readonly priority: number;
  readonly timeMs: number;
  readonly hostname: string;
  readonly app: string;
  /** One element: its SD-ID (`name@PEN`) and parameters. */
  readonly data?: { readonly id: string; readonly params: Readonly<Record<string, string>> };
  readonly message: string;
  /** A byte order mark before the message says that it is UTF-8 (RFC 5424 §6.4). */
  readonly bom: boolean;
}

/** Header fields are printable ASCII without spaces, of limited length; `-` stands for none. */
const headerField = (text: string, charsMax: number): string =>
  text.replace(/[^\x21-\x7e]/g, '_').slice(0, charsMax) || '-';

/** `"`, `\` and `]` are escaped in a parameter's value (§6.3.3). */
const escapeParam = (value: string): string => value.replace(/["\\\]]/g, '\\$&');

const structuredData = (data: SyslogRecord['data']): string => {
  if (data === undefined) return '-';
  const params = Object.entries(data.params).map(([name, value]) => ` ${name}="${escapeParam(value)}"`);
  return `[${data.id}${params.join('')}]`;
};

/** The record as bytes, without framing. */
export const encodeRecord = (r: SyslogRecord): Buffer => {
  const head = [
    `<${r.priority}>1`,
    new Date(r.timeMs).toISOString(),
    headerField(r.hostname, 255),
    headerField(r.app, 48),
    '-',
    '-',
    structuredData(r.data),
  ].join(' ');
  return Buffer.from(`${head} ${r.bom ? '\uFEFF' : ''}${r.message}`);
};

/** Octet counting: `LENGTH SP RECORD`, the length in bytes. */
export const countOctets = (record: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${record.length} `), record]);

/** Non-transparent framing: a line feed ends a record, so none may hold one. */
export const endWithLineFeed = (record: Buffer): Buffer => Buffer.concat([record, Buffer.of(10)]);
