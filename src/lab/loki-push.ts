/** The sending side of Loki's push protocol: entries grouped by their labels, as JSON. */
import { type Answer, post } from './hop.ts';
import type { World } from './world.ts';

export type Labels = Readonly<Record<string, string>>;

/** Structured metadata of the collector's own lines: what the truth tells an echo from an event by. */
export const OWN_LINE: Labels = { component: 'collector' };

/** One entry on its way to the log store. */
export interface Push {
  readonly labels: Labels;
  /** Unix nanoseconds, as text. */
  readonly ns: string;
  readonly line: string;
  readonly metadata?: Labels;
  /** What is being carried: empty for the sender's own lines, even where they quote a canary. */
  readonly tokens: readonly string[];
  readonly dueMono: number;
}

export function pushToLoki(
  world: Pick<World, 'clock' | 'fetch'>,
  to: { readonly url: string; readonly tenant: string | undefined },
  batch: readonly Push[],
): Promise<Answer> {
  const streams = new Map<string, { stream: Labels; values: (string | Labels)[][] }>();
  for (const { labels, ns, line, metadata } of batch) {
    const key = JSON.stringify(labels);
    const stream = streams.get(key) ?? { stream: labels, values: [] };
    stream.values.push(metadata ? [ns, line, metadata] : [ns, line]);
    streams.set(key, stream);
  }
  return post(world, {
    url: `${to.url}/loki/api/v1/push`,
    headers: {
      'content-type': 'application/json',
      ...(to.tenant === undefined ? {} : { 'x-scope-orgid': to.tenant }),
    },
    body: JSON.stringify({ streams: [...streams.values()] }),
  });
}
