/** A test notice, and what notifiers answer to it. */
import { randomUUID } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { type Notice, Permanent, type Receipt, Retry } from '../../contracts/notifier.ts';
import { clip, utc } from '../../domain/saying.ts';
import { formatDuration } from '../../domain/words.ts';
import { registry } from '../../registry.gen.ts';
import { context } from './context.ts';
import { reasonOf } from './server.ts';

export interface Answered {
  readonly notifier: string;
  readonly kind: string;
  readonly ok: boolean;
  /** What the channel answered, or why it failed. */
  readonly said: string;
}

/** As long as a real notice is given. */
const DELIVER_MS = 30_000;
const AT_ONCE = 4;
const SAID_CHARS_MAX = 300;

/** Tries these notifiers of the configuration, a few at once, each with a test of its own. In the order of `names`. */
export async function testNotifiers(
  config: Pick<Config, 'notify' | 'baseUrl'>,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (let i = 0; i < names.length; i += AT_ONCE) {
    const some = names.slice(i, i + AT_ONCE);
    answered.push(...(await Promise.all(some.map(name => tested(config, name, signal)))));
  }
  return answered;
}

async function tested(
  config: Pick<Config, 'notify' | 'baseUrl'>,
  name: string,
  signal: AbortSignal,
): Promise<Answered> {
  const { kind, settings } = config.notify[name] as Config['notify'][string];
  try {
    const definition = registry.notifiers.get(kind);
    if (!definition) throw new Error(`no notifier of kind ${kind}`);
    const notifier = await definition.create(settings, context);
    try {
      const end = AbortSignal.any([signal, AbortSignal.timeout(DELIVER_MS)]);
      const receipt = await Promise.race([notifier.notify(testNotice(config, name), null, end), ended(end)]);
      return { notifier: name, kind, ok: true, said: receiptText(receipt) };
    } finally {
      await notifier.close().catch(() => {});
    }
  } catch (error) {
    return { notifier: name, kind, ok: false, said: clip(whyOf(error), SAID_CHARS_MAX) };
  }
}

/** Fails when the time is up, whatever the notifier does about it. */
const ended = (end: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const give = () =>
      reject(
        new Error(
          end.reason?.name === 'TimeoutError' ? `no answer within ${DELIVER_MS / 1_000} s` : 'interrupted',
        ),
      );
    if (end.aborted) give();
    end.addEventListener('abort', give, { once: true });
  });

function whyOf(error: unknown): string {
  if (error instanceof Permanent) return `${error.message} (trying again won’t help)`;
  if (error instanceof Retry && error.afterMs !== null)
    return `${error.message} (it asks to wait ${formatDuration(error.afterMs)})`;
  return reasonOf(error);
}

const receiptText = (receipt: Receipt): string =>
  clip(
    Object.entries(receipt)
      .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(', '),
    SAID_CHARS_MAX,
  );

/** Tells of nothing, and says so first. */
export function testNotice({ baseUrl }: Pick<Config, 'baseUrl'>, notifier: string): Notice {
  const nowMs = context.clock.now();
  const id = `test-${randomUUID()}`;
  return {
    id,
    incident: id,
    event: 'test',
    sequence: 1,
    kind: 'notices_failing',
    concerns: 'ours',
    severity: 'info',
    pipeline: { name: 'test', title: 'coalmine' },
    checkpoint: null,
    title: `coalmine: this is a test of the notifier ${notifier}; nothing is wrong`,
    text: `This is a test, sent with “coalmine notify test” at ${utc(nowMs)}. Nothing is wrong, and there is nothing to do.\nIf this had been an incident, you would have heard of it here.`,
    facts: [
      { label: 'Notifier', value: notifier },
      { label: 'Sent', value: utc(nowMs) },
    ],
    url: baseUrl,
    beganMs: nowMs,
    detectedMs: nowMs,
    endedMs: null,
    atMs: nowMs,
    chainHead: null,
    details: { test: true },
  };
}
