/** The search request of the settings for a time, as a `curl` command without the secrets. */
import type { Json } from '../../contracts/observer.ts';
import { TOKEN_PREFIX } from '../../domain/token.ts';
import { type Hider, hider } from './hidden.ts';
import { questionOf } from './search.ts';
import type { SearchSettings } from './search-settings.ts';
import { remark } from './shell.ts';
import { holesOf, rangeFilling } from './template.ts';

/** The only headers that are told; any other may be a secret, as the settings say of all of them. */
const TOLD = new Set(['accept', 'content-type']);
const SCHEME = /^(?:Bearer|Basic|ApiKey|Token|Splunk) (?=.)/i;

/** Range in Unix milliseconds, of event time, or of ingest time where the settings know no other. */
export const huntRequest = (
  s: SearchSettings,
  range: { readonly fromMs: number; readonly toMs: number },
): string => {
  const hide = hider(JSON.stringify(s));
  const [, scheme, user, path, query = ''] =
    /^(https?:\/\/)(?:([^/?#]*)@)?([^?]*)(\?.*)?$/is.exec(s.url) ?? [];
  const told: SearchSettings = {
    ...s,
    url: `${scheme}${path}${hide.inText(query)}`,
    ...(s.body === undefined
      ? {}
      : { body: typeof s.body === 'string' ? hide.inText(s.body) : (hide.inJson(s.body) as typeof s.body) }),
  };
  const by = s.by.event ?? s.by.ingest;
  const [fromMs, toMs] = [Math.floor(range.fromMs), Math.ceil(range.toMs)];
  const filling = {
    ...rangeFilling({ fromMs, toMs, prefix: TOKEN_PREFIX }),
    ...(s.page_size && { page_size: s.page_size }),
    ...(typeof by === 'string' && { time_field: by }),
    offset: 0,
    page: s.paging.kind === 'offset' ? s.paging.first_page : 0,
  };
  const { url, method, headers, body } = questionOf(told, filling, {});
  const words = [
    ...remarksOf(s).map(remark),
    'curl -sSg',
    `-X ${method}`,
    ...(user === undefined ? [] : [`-u ${hide.word(hide.mark('user'))}`]),
    ...Object.entries(typed(headers, body)).map(([name, value]) => `-H ${headerWord(hide, name, value)}`),
    ...(body === undefined ? [] : [`--data-raw ${hide.word(String(body))}`]),
    // As fetch would send it.
    hide.word(URL.canParse(url) ? new URL(url).href : url),
  ];
  return words.join(' ');
};

/** What the command can't do, for whoever pastes it. */
const remarksOf = (s: SearchSettings): string[] => {
  const words = [
    s.paging.kind === 'none' ? '' : 'This is the first page only.',
    s.by.event === undefined ? 'The time is that of ingest: what came later is not in it.' : '',
    holesOf([s.url, (s.body ?? null) as Json]).includes('prefix')
      ? `This asks for ${TOKEN_PREFIX}, which only canaries hold: take that term out to find real events.`
      : '',
  ].filter(w => w !== '');
  return words.length === 0 ? [] : [words.join(' ')];
};

/** `curl` would call a body a form, `fetch` calls it text. */
const typed = (headers: Readonly<Record<string, string>>, body: unknown): Readonly<Record<string, string>> =>
  typeof body !== 'string' || Object.keys(headers).some(name => name.toLowerCase() === 'content-type')
    ? headers
    : { ...headers, 'content-type': 'text/plain;charset=UTF-8' };

const headerWord = (hide: Hider, name: string, value: string): string => {
  if (value.trim() === '') return hide.word(`${name};`);
  if (TOLD.has(name.toLowerCase())) return hide.word(`${name}: ${value}`);
  const scheme = SCHEME.exec(value)?.[0] ?? '';
  return hide.word(`${name}: ${scheme}${hide.mark(name)}`);
};
