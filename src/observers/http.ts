/**
 * Asks any search API that answers in JSON. The settings say how to ask and where in the answer things stand; whatever
 * doesn't stand there, or isn't vouched for by `complete`, fails the look.
 */
import type { Context } from '../contracts/context.ts';
import { defineObserver } from '../contracts/define.ts';
import type { Found, Json, Look, Observer } from '../contracts/observer.ts';
import { ask } from './lib/ask.ts';
import { budget, exhausted, failed, truncated } from './lib/end.ts';
import { huntRequest } from './lib/hunt-request.ts';
import { type Next, turner } from './lib/paging.ts';
import { hitsOf, questionOf, recordOf } from './lib/search.ts';
import { check, type SearchSettings, searchSchema } from './lib/search-settings.ts';
import { holesOf, rangeFilling } from './lib/template.ts';

const create = (s: SearchSettings, ctx: Context): Observer => {
  check(s);
  const byPage = holesOf([s.url, (s.body ?? null) as Json]).includes('page');

  async function* observe(look: Look, signal: AbortSignal): AsyncGenerator<Found> {
    const timeField = look.by === 'follow' ? undefined : s.by[look.by];
    if (timeField === undefined)
      return yield failed(`the settings say no way to ask by ${look.by} (see \`by\`)`);
    const left = budget(look.limits);
    const turn = turner(s.paging, { pageSize: s.page_size ?? 1, byPage });
    const firstPage = s.paging.kind === 'offset' ? s.paging.first_page : 0;
    let next: Next = {};
    let offset = 0;
    for (let page = 0; page < s.pages_max; page++) {
      const sofar = {
        offset,
        page: firstPage + page,
        ...(next.cursor === undefined ? {} : { cursor: next.cursor }),
      };
      const fixed = {
        ...(s.page_size && { page_size: s.page_size }),
        ...(timeField !== true && { time_field: timeField }),
      };
      const question = questionOf(s, { ...rangeFilling(look), ...fixed, ...sofar }, next);
      const bounds = { timeoutMs: s.timeout, bodyBytesMax: s.body_bytes_max, signal, form: s.answer };
      const got = await ask(ctx, question, bounds);
      if (!got.ok) return yield got.end;
      const { answer } = got;
      const facts = answer.backendNowMs === undefined ? {} : { backendNowMs: answer.backendNowMs };
      const hits = hitsOf(s, answer);
      if (typeof hits === 'string') return yield failed(hits, facts);
      const { taken, full } = left.take(hits.map(hit => recordOf(s, hit)));
      if (taken.length > 0) yield { page: taken };
      if (full) return yield truncated(full, facts);
      offset += hits.length;
      const { json } = answer;
      const turned = turn({ url: question.url, json, link: answer.headers.get('link'), count: hits.length });
      if (turned === 'exhausted') return yield exhausted(facts);
      if ('truncated' in turned) return yield truncated(turned.truncated, facts);
      if ('failed' in turned) return yield failed(turned.failed, facts);
      next = turned;
    }
    yield truncated(`more than ${s.pages_max} pages`);
  }

  return {
    observe,
    hunt: range => huntRequest(s, range),
    ingestTime: s.by.ingest !== undefined,
    eventTime: s.by.event !== undefined,
    close: async () => undefined,
  };
};

export default defineObserver({
  kind: 'http',
  summary:
    'Asks any search API that answers in JSON (Elasticsearch, OpenSearch, VictoriaLogs, Datadog, your own)',
  schema: searchSchema,
  runtimes: ['node', 'workerd'],
  traits: { way: 'query', ingestTime: false, settleMs: 30_000, keepsMs: 7 * 86_400_000 },
  create,
});
