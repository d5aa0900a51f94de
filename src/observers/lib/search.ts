/** Between a search API and us: settings into a request, an answer into records. */

import type { Ask } from '../../adapters/exchange.ts';
import { redact } from '../../adapters/redact.ts';
import type { Json, SeenRecord } from '../../contracts/observer.ts';
import type { Asked } from './ask.ts';
import type { Next } from './paging.ts';
import { instantOf, textOf, valuesAt } from './path.ts';
import type { SearchSettings } from './search-settings.ts';
import { escapeJson, type Filling, fillJson, fillText, fillUrl } from './template.ts';

const ACCEPT = { json: 'application/json', ndjson: 'application/x-ndjson' } as const;

/** The request of one page. */
export const questionOf = (s: SearchSettings, filling: Filling, next: Next): Ask => {
  const url = next.url ?? fillUrl(s.url, filling);
  const named = Object.entries(s.headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const question = { url, method: s.method, headers: { accept: ACCEPT[s.answer], ...s.headers } };
  if (s.body === undefined) return question;
  if (typeof s.body === 'string') {
    const type = named ?? 'text/plain';
    const verbatim = (value: string) => value;
    const encode = type.includes('json')
      ? escapeJson
      : type.includes('urlencoded')
        ? encodeURIComponent
        : verbatim;
    return { ...question, body: fillText(s.body, filling, encode) };
  }
  const typed =
    named === undefined ? { ...question.headers, 'content-type': 'application/json' } : question.headers;
  return { ...question, headers: typed, body: JSON.stringify(fillJson(s.body as Json, filling)) };
};

/** One hit, with what the settings say can be read off it. */
export const recordOf = (s: SearchSettings, hit: Json): SeenRecord => {
  const first = (path: string | undefined) => (path === undefined ? undefined : valuesAt(hit, path)[0]);
  const text = first(s.text);
  const id = first(s.record_id);
  const eventMs = s.event_time && instantOf(first(s.event_time.path), s.event_time.unit);
  const ingestedMs = s.ingested_at && instantOf(first(s.ingested_at.path), s.ingested_at.unit);
  // A number that was rounded in reading would make two records one.
  const exact = typeof id === 'string' || Number.isSafeInteger(id);
  return {
    text: textOf(text ?? hit),
    ...(s.at === undefined ? {} : { placed: valuesAt(hit, s.at).map(textOf) }),
    ...(exact ? { recordId: String(id) } : {}),
    ...(eventMs === undefined ? {} : { eventMs }),
    ...(ingestedMs === undefined ? {} : { ingestedMs }),
  };
};

/** The records of an answer, or why it can't be trusted to hold them. */
export const hitsOf = (s: SearchSettings, answer: Asked): readonly Json[] | string => {
  const { json } = answer;
  for (const { path, equals } of [s.complete].flat()) {
    const values = valuesAt(json, path);
    if (values.length === 0 || values.some(v => v !== equals)) {
      const found = values.length === 0 ? 'nothing' : redact(values.map(v => JSON.stringify(v)).join(', '));
      return `the answer isn't complete: ${path} should be ${JSON.stringify(equals)}, found ${found}`;
    }
  }
  const [hits] = valuesAt(json, s.records);
  if (Array.isArray(hits)) {
    const { text } = s;
    // A line has no envelope that could say it is an error.
    const odd =
      s.answer === 'ndjson' && text !== undefined && hits.find(hit => valuesAt(hit, text).length === 0);
    return odd ? `expected ${text} in every line, found ${redact(JSON.stringify(odd))}` : hits;
  }
  return `expected an array at ${s.records || 'the top'} of the answer, found ${redact(JSON.stringify(hits ?? json))}`;
};
