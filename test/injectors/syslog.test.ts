import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { SettingsError } from '../../src/contracts/definition.ts';
import type { Injector, Outgoing } from '../../src/contracts/injector.ts';
import syslog from '../../src/injectors/syslog.ts';
import { injectorConformance, nodeContext, outgoing, type Settings, until } from '../conformance/injector.ts';
import { byLineFeed, byOctets, datagramEnd, deafEnd, parseRecord, streamEnd } from './syslog-end.ts';
import { TEST_CERT, TEST_KEY } from './tls-pair.ts';

const never = new AbortController().signal;
const dir = await mkdtemp(join(tmpdir(), 'coalmine-syslog-'));
const [caFile, keyFile] = [join(dir, 'ca.pem'), join(dir, 'key.pem')];
await writeFile(caFile, TEST_CERT);
await writeFile(keyFile, TEST_KEY);
afterAll(() => rm(dir, { recursive: true }));

/** More than any kernel buffers. */
const heavy = (): Outgoing[] => Array.from({ length: 400 }, (_, i) => outgoing(i, 'x'.repeat(65_000)));

injectorConformance('syslog over tcp, octet counting', {
  definition: syslog,
  receiver: () => streamEnd({ scheme: 'tcp', deframe: byOctets }),
  nobody: 'refused',
  hanging: () => deafEnd('tcp'),
  hangWith: heavy,
  lineFeed: 'kept',
  atOnceMax: 1,
});

injectorConformance('syslog over tcp, line feeds', {
  definition: syslog,
  receiver: () => streamEnd({ scheme: 'tcp', deframe: byLineFeed, more: { framing: 'lf' } }),
  nobody: 'refused',
  lineFeed: 'unsent',
  atOnceMax: 1,
});

injectorConformance('syslog over tls', {
  definition: syslog,
  receiver: () => streamEnd({ scheme: 'tls', deframe: byOctets, more: { ca_file: caFile } }),
  nobody: 'refused',
  hanging: () => deafEnd('tls'),
  hangs: { aborted: 'unsent', timedOut: 'refused' },
  lineFeed: 'kept',
  atOnceMax: 1,
});

injectorConformance('syslog over udp', {
  definition: syslog,
  receiver: datagramEnd,
  nobody: 'refused',
  lineFeed: 'kept',
  atOnceMax: 1,
});

const made: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of made.splice(0).reverse()) await one.close();
});
const make = async (settings: Settings): Promise<Injector> => {
  const injector = await syslog.create(syslog.schema.parse(settings), nodeContext);
  made.push(injector);
  return injector;
};
const tcp = async (more: Settings = {}) => {
  const end = await streamEnd({ scheme: 'tcp', deframe: byOctets, more });
  made.push(end);
  return { end, injector: await make(end.settings) };
};

describe('the record', () => {
  const recordOf = async (settings: Settings, canary: Outgoing = outgoing(1)): Promise<string> => {
    const { end, injector } = await tcp(settings);
    await injector.inject([canary], never);
    await until('arrival', () => end.records.length === 1);
    return end.records[0]!;
  };

  test('header fields: priority, time, host, app', async () => {
    const record = await recordOf({ facility: 'local4', severity: 'notice' }, outgoing(34, 'hello'));
    // RFC 5424 §6.2.1: local4 (20) × 8 + notice (5) = 165
    expect(record).toBe('<165>1 2023-11-14T22:13:20.034Z web-1 sshd - - - hello');
  });

  test('the token stands once, unless asked for in structured data', async () => {
    const { token } = outgoing(1);
    expect((await recordOf({})).split(token)).toHaveLength(2);
    const record = await recordOf({ structured_data: true, enterprise_number: 99 });
    expect(parseRecord(record).data).toBe(`[coalmine@99 target="web-1" token="${token}"]`);
  });

  test('a hostile target can neither break the header nor the structured data', async () => {
    const target = 'a "b\\c]d\n<1>1 é';
    const record = await recordOf({ structured_data: true }, { ...outgoing(1, 'm'), target });
    const { hostname, data, message } = parseRecord(record);
    expect(hostname).toBe('a_"b\\c]d_<1>1__');
    expect(data).toContain('target="a \\"b\\\\c\\]d\n<1>1 é"');
    expect(message).toBe('m');
  });

  test('a byte order mark when asked', async () => {
    const { end, injector } = await tcp({ bom: true });
    await injector.inject([outgoing(1, 'é')], never);
    await until('arrival', () => end.records.length === 1);
    expect(Buffer.from(end.records[0]!).includes(Buffer.from([0xef, 0xbb, 0xbf, 0xc3, 0xa9]))).toBe(true);
  });
});

describe('over tcp', () => {
  test('one connection is kept for call after call', async () => {
    const { end, injector } = await tcp();
    for (let i = 0; i < 5; i++) await injector.inject([outgoing(i)], never);
    expect(end.atOnceMax?.()).toBe(1);
    expect(end.sockets.size).toBe(1);
  });

  test('a reset right after the write: what was written may have been taken', async () => {
    const { end, injector } = await tcp({ watch: '100ms' });
    await injector.inject([outgoing(1)], AbortSignal.timeout(5000));
    for (const socket of end.sockets) socket.on('data', () => socket.resetAndDestroy());
    expect(await injector.inject([outgoing(2), outgoing(3)], never)).toMatchObject([
      { result: 'maybe_sent', again: true },
      { result: 'maybe_sent', again: true },
    ]);
    expect(await injector.inject([outgoing(4)], never)).toEqual([{ result: 'accepted' }]);
  });

  test('a connection that the receiver closed while idle is replaced, without a doubt', async () => {
    const { end, injector } = await tcp();
    await injector.inject([outgoing(1)], never);
    for (const socket of end.sockets) socket.end();
    await until('the close to arrive', () => end.sockets.size === 0);
    expect(await injector.inject([outgoing(2)], never)).toEqual([{ result: 'accepted' }]);
    await until('arrival', () => end.received().length === 2);
  });

  test('what a stalled receiver never got to is refused, and the torn stream is not used again', async () => {
    const deaf = await deafEnd('tcp');
    made.push(deaf);
    const injector = await make({ ...deaf.settings, timeout: '60ms' });
    const outcomes = await injector.inject(heavy(), never);
    expect(outcomes[0]?.result).toBe('maybe_sent');
    expect(outcomes.at(-1)).toMatchObject({ result: 'refused', again: true });
    const order = outcomes.map(o => o.result);
    expect(order).toEqual([...order].sort());
  });
});

describe('over tls', () => {
  const tls = async (settings: Settings) => {
    const end = await streamEnd({ scheme: 'tls', deframe: byOctets, more: settings });
    made.push(end);
    return { end, injector: await make(end.settings) };
  };

  test('a certificate that we do not trust is refused, and nothing leaves', async () => {
    const { end, injector } = await tls({});
    expect(await injector.inject([outgoing(1)], never)).toMatchObject([{ result: 'refused', again: true }]);
    expect(end.records).toEqual([]);
  });

  test('so is one for another name', async () => {
    const { injector } = await tls({ ca_file: caFile, server_name: 'elsewhere.example' });
    expect(await injector.inject([outgoing(1)], never)).toMatchObject([{ result: 'refused' }]);
  });

  test('verify: false takes it', async () => {
    const { injector } = await tls({ verify: false });
    expect(await injector.inject([outgoing(1)], never)).toEqual([{ result: 'accepted' }]);
  });

  test('a missing or a broken file of ours is our fault', async () => {
    const missing = await tls({ ca_file: join(dir, 'none.pem') });
    expect(await missing.injector.inject([outgoing(1)], never)).toMatchObject([{ result: 'unsent' }]);
    const broken = join(dir, 'broken.pem');
    await writeFile(broken, '-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n');
    const bad = await tls({ ca_file: caFile, cert_file: broken, key_file: keyFile });
    expect(await bad.injector.inject([outgoing(1)], never)).toMatchObject([{ result: 'unsent' }]);
  });

  test('mutual TLS: with our certificate accepted, without it refused', async () => {
    const seen: string[] = [];
    const sockets = new Set<Socket>();
    const server = createTlsServer(
      { key: TEST_KEY, cert: TEST_CERT, ca: TEST_CERT, requestCert: true },
      socket => {
        sockets.add(socket);
        socket.on('data', bytes => seen.push(bytes.toString()));
        socket.on('error', () => {});
      },
    );
    server.on('tlsClientError', () => {});
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    made.push({
      close: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    });
    const address = `tls://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const without = await make({ address, ca_file: caFile, watch: '500ms' });
    expect(await without.inject([outgoing(1)], never)).toMatchObject([{ result: 'refused' }]);
    const withIt = await make({ address, ca_file: caFile, cert_file: caFile, key_file: keyFile });
    expect(await withIt.inject([outgoing(2)], never)).toEqual([{ result: 'accepted' }]);
    await until('arrival', () => seen.length === 1);
  });
});

describe('over udp', () => {
  test('a record that no receiver need take is unsent, its neighbours go', async () => {
    const end = await datagramEnd();
    made.push(end);
    const injector = await make(end.settings);
    const outcomes = await injector.inject([outgoing(1), outgoing(2, 'x'.repeat(2048)), outgoing(3)], never);
    expect(outcomes).toMatchObject([{ result: 'accepted' }, { result: 'unsent' }, { result: 'accepted' }]);
    await until('arrival', () => end.records.length === 2);
  });
});

describe('settings', () => {
  const parse = (settings: Settings) => syslog.schema.safeParse(settings).success;
  test('addresses', () => {
    expect(
      ['udp://a:1', 'tcp://[::1]:514', 'tls://log.example.com:6514'].map(address => parse({ address })),
    ).toEqual([true, true, true]);
    expect(
      ['http://a:1', 'tcp://a', 'tcp://a:1/x', 'tcp://u@a:1'].map(address => parse({ address })),
    ).toEqual([false, false, false, false]);
  });
  test('half a key pair, and no such port', () => {
    const create = (settings: Settings) => () => syslog.create(syslog.schema.parse(settings), nodeContext);
    expect(create({ address: 'tls://a:1', cert_file: 'x' })).toThrow(SettingsError);
    expect(create({ address: 'tcp://a:70000' })).toThrow();
  });
});
