/**
 * Loki's query_range as its documentation describes it, written apart from the adapter: what the adapter is judged by.
 * Selectors are only compared, line filters with |= are honoured.
 */
import type { Handler } from './faulty-server.ts';

export interface ModelEntry {
  readonly ns: bigint;
  readonly line: string;
  readonly stream: Readonly<Record<string, string>>;
}

export interface LokiModel {
  readonly entries: ModelEntry[];
  /** Answers hold at most this many entries, whatever limit was asked. */
  cap: number;
  selector: string;
  readonly handle: Handler;
}

const error = (text: string) => ({
  status: 400,
  json: { status: 'error', errorType: 'bad_data', error: text },
});

export const lokiModel = (): LokiModel => {
  const model: LokiModel = {
    entries: [],
    cap: Number.POSITIVE_INFINITY,
    selector: '{job="auth"}',
    handle: ({ url }) => {
      if (url.pathname !== '/loki/api/v1/query_range') return { status: 404, json: { message: 'not found' } };
      const q = url.searchParams;
      const [selector, ...filters] = (q.get('query') ?? '').split(/\s*\|=\s*/);
      if (selector !== model.selector) return error(`parse error: ${selector}`);
      const needles = filters.map(f => JSON.parse(f) as string);
      const limit = Math.min(Number(q.get('limit') ?? 100), model.cap);
      if (Number(q.get('limit')) > 5000) return error('max entries limit per query exceeded');
      const [start, end] = [BigInt(q.get('start') ?? 0), BigInt(q.get('end') ?? 0)];
      const inRange = model.entries
        .filter(e => e.ns >= start && e.ns < end && needles.every(n => e.line.includes(n)))
        .sort((a, b) => Number(a.ns - b.ns) * (q.get('direction') === 'forward' ? 1 : -1))
        .slice(0, limit);
      const streams = new Map<string, { stream: ModelEntry['stream']; values: [string, string][] }>();
      for (const e of inRange) {
        const key = JSON.stringify(e.stream);
        const found = streams.get(key) ?? { stream: e.stream, values: [] };
        found.values.push([String(e.ns), e.line]);
        streams.set(key, found);
      }
      return {
        json: {
          status: 'success',
          data: { resultType: 'streams', result: [...streams.values()], stats: {} },
        },
      };
    },
  };
  return model;
};
