/**
 * The body of an answer as JSON, or as JSON lines taken for one array. Whatever isn't whole is no answer; an empty body
 * means that nothing was found only where lines are due and its type says so.
 */
import { redact } from '../../adapters/redact.ts';
import type { Json } from '../../contracts/observer.ts';

export type BodyForm = 'json' | 'ndjson';
export type Body = { readonly json: Json } | { readonly problem: string };

/** What JSON lines are sent as. An empty `application/json` is a fault; an empty one of these is no lines. */
const LINES_TYPE = /ndjson|jsonl|json-?lines|stream\+json/i;

export const readBody = (text: string, type: string | null, form: BodyForm): Body => {
  const said = type ?? 'no content type';
  if (text.trim() === '') {
    if (form === 'ndjson' && LINES_TYPE.test(said)) return { json: [] };
    const due = form === 'ndjson' ? ` (${said}, which is no type of JSON lines)` : '';
    return { problem: `answered 200 with an empty body${due}` };
  }
  const whole = form === 'ndjson' ? readLines(text) : (readJson(text) ?? { problem: text });
  if ('json' in whole) return whole;
  const what = form === 'ndjson' ? 'whole lines of JSON objects' : 'whole JSON';
  return { problem: `answered 200 with a body that is not ${what} (${said}): ${redact(whole.problem)}` };
};

const readJson = (text: string): { readonly json: Json } | undefined => {
  try {
    return { json: JSON.parse(text) as Json };
  } catch {
    return undefined;
  }
};

/** `problem` is the line that is no object: a backend that fails on the way appends its error as text. */
const readLines = (text: string): Body => {
  const objects: Json[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const { json } = readJson(line) ?? {};
    if (json === undefined || json === null || typeof json !== 'object' || Array.isArray(json)) {
      return { problem: line };
    }
    objects.push(json);
  }
  return { json: objects };
};
