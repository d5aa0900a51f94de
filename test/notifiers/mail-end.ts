// A real SMTP server on 127.0.0.1, and a reader of mails (RFC 5322, 2045, 2047) that shares nothing with what wrote them.
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Manner } from '../conformance/notifier.ts';
import { TEST_CERT, TEST_KEY } from '../injectors/tls-pair.ts';

export interface Mail {
  readonly raw: string;
  readonly header: (name: string) => string;
  /** The body of this content type, decoded. */
  readonly part: (type: string) => string;
  readonly from: string;
  readonly to: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | undefined;
}

const quotedPrintable = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );

const decoded = (body: string, encoding: string): string => {
  if (/base64/i.test(encoding)) return Buffer.from(body, 'base64').toString();
  return /quoted-printable/i.test(encoding)
    ? quotedPrintable(body).toString()
    : Buffer.from(body, 'latin1').toString();
};

/** Encoded words, of which neighbours may share a character's bytes. */
const words = (text: string): string =>
  text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/(?:=\?utf-8\?[BQ]\?[^?]*\?=)+/gi, run =>
      Buffer.concat(
        [...run.matchAll(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi)].map(([, how, word = '']) =>
          how?.toUpperCase() === 'B'
            ? Buffer.from(word, 'base64')
            : quotedPrintable(word.replaceAll('_', ' ')),
        ),
      ).toString(),
    );

interface Entity {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}
const entity = (raw: string): Entity => {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = lines.map(line => {
    const at = line.indexOf(':');
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
  });
  return { headers: new Map(headers), body: rest.join('\r\n\r\n') };
};

const partsOf = ({ headers, body }: Entity): Entity[] => {
  const boundary = /boundary="?([^";]+)"?/.exec(headers.get('content-type') ?? '')?.[1];
  if (boundary === undefined) return [{ headers, body }];
  return body
    .split(`--${boundary}`)
    .slice(1, -1)
    .flatMap(part => partsOf(entity(part.replace(/^\r\n/, ''))));
};

type Envelope = Pick<Mail, 'from' | 'to' | 'isSecure' | 'user'>;
const mailOf = (bytes: Buffer, envelope: Envelope): Mail => {
  const whole = entity(bytes.toString('latin1'));
  const parts = partsOf(whole);
  const part = (type: string) => {
    const found = parts.find(p => p.headers.get('content-type')?.startsWith(type));
    return found ? decoded(found.body, found.headers.get('content-transfer-encoding') ?? '') : '';
  };
  const header = (name: string) => words(whole.headers.get(name.toLowerCase()) ?? '');
  const raw = [...whole.headers.keys()].map(header).concat(part('text/plain'), part('text/html')).join('\n');
  return { ...envelope, header, part, raw };
};

export interface MailEnd {
  readonly port: number;
  readonly mails: readonly Mail[];
  asked(): number;
  answer(manner: Manner, secrets: readonly string[]): void;
  /** Connections that it holds now. */
  connections(): number;
  stop(): Promise<void>;
}

const fault = (code: number, words: string): Error => Object.assign(new Error(words), { responseCode: code });

export const mailEnd = async (options: SMTPServerOptions = {}): Promise<MailEnd> => {
  const mails: Mail[] = [];
  let manner: Manner = 'yes';
  let asked = 0;
  let secrets: readonly string[] = [];
  const server = new SMTPServer({
    key: TEST_KEY,
    cert: TEST_CERT,
    logger: false,
    closeTimeout: 10,
    disableReverseLookup: true,
    onAuth(auth, _session, done) {
      if (auth.username === 'coalmine' && auth.password === 'right horse')
        return done(null, { user: auth.username });
      if (auth.username === 'later') return done(fault(454, 'temporary authentication failure'));
      return done(fault(535, `no such user ${auth.username} with ${auth.password}`));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', chunk => chunks.push(chunk));
      stream.on('end', () => {
        asked++;
        const { mailFrom, rcptTo } = session.envelope;
        const mail = mailOf(Buffer.concat(chunks), {
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(r => r.address),
          isSecure: session.secure,
          user: session.user as string | undefined,
        });
        if (manner === 'hang') return;
        if (manner === 'busy' || manner === 'later') return done(fault(451, 'try again later'));
        if (manner === 'no') return done(fault(550, 'no such mailbox'));
        if (manner === 'flood') return done(fault(550, 'never '.repeat(500_000)));
        if (manner === 'quote') return done(fault(450, `${secrets.join(' ')} ${mail.raw}`));
        mails.push(mail);
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    asked: () => asked,
    connections: () => server.connections.size,
    answer: (how, given) => {
      manner = how;
      secrets = given;
    },
    stop: () => new Promise<void>(resolve => server.close(() => resolve())),
  };
};
