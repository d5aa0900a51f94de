/** What Loki's `query_range` must answer, and the entries in it. Anything else is no answer. */
import { z } from 'zod';
import { redact } from '../../adapters/redact.ts';

/** One log entry. `key` tells entries of one time stamp apart: stream, line and structured metadata. */
export interface Entry {
  readonly ns: bigint;
  readonly text: string;
  readonly key: string;
}

const streams = z.object({
  status: z.literal('success', 'expected "success"'),
  warnings: z.array(z.string()).nullish(),
  partial: z.boolean().nullish(),
  data: z.object({
    resultType: z.literal('streams', 'expected "streams": the query must select log lines, not metrics'),
    result: z.array(
      z.object({
        stream: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.string().regex(/^\d{1,19}$/), z.string()], z.unknown())),
      }),
    ),
  }),
});
type Stream = z.output<typeof streams>['data']['result'][number];

/** The entries of an answer, oldest first; or, in words, why it can't be trusted to hold them. */
export const entriesOf = (json: unknown, prefix: string): Entry[] | string => {
  const parsed = streams.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `the answer is no result of query_range: ${redact(`${issue?.path.join('.')}: ${issue?.message}`)}`;
  }
  const { warnings, partial, data } = parsed.data;
  if (warnings?.length) return `the answer came with a warning: ${redact(warnings.join('; '))}`;
  if (partial) return 'the answer says it is partial';
  const entries: Entry[] = [];
  for (const stream of data.result) {
    const own = entriesOfStream(stream, prefix);
    if (own.some((entry, i) => i > 0 && entry.ns < own[i - 1]!.ns)) {
      return 'the answer runs backwards though direction=forward was asked: pages would miss entries';
    }
    entries.push(...own);
  }
  return entries.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));
};

const entriesOfStream = ({ stream, values }: Stream, prefix: string): Entry[] => {
  const labels = JSON.stringify(Object.entries(stream).sort());
  return values.map(([ts, line, metadata]) => ({
    ns: BigInt(ts),
    // Structured metadata comes as a third element, or mixed into the labels: shown only where the line alone
    // doesn't tell, so that lines keep their form.
    text: line.includes(prefix)
      ? line
      : withMetadata(line, { ...stream, ...(metadata as object | undefined) }, prefix),
    key: JSON.stringify([labels, line, metadata ?? null]),
  }));
};

const withMetadata = (line: string, metadata: object, prefix: string): string => {
  const all = JSON.stringify({ ...metadata, line });
  return all.includes(prefix) ? all : line;
};
