// Writes notices to a Microsoft Teams channel through a Workflows webhook, as an Adaptive Card. All text stands in
// RichTextBlocks, one a line: unlike TextBlocks and FactSets they know no Markdown, so that nothing in a notice is read as
// markup.
import { z } from 'zod';
import type { Answer } from '../adapters/exchange.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import { type Notice, type Notifier, Retry } from '../contracts/notifier.ts';
import { notifierOf } from './lib/deliver.ts';
import { type Channel, send, wordsOf } from './lib/http.ts';
import { factsOf, headline, linkOf, textOf } from './lib/notice.ts';
import { scrubber, secretsOfUrl } from './lib/scrub.ts';
import { secretUrl, timeout } from './lib/settings.ts';

const schema = z.strictObject({
  url: secretUrl.describe(
    'The webhook of a Workflow "Post to a channel when a webhook request is received"; whoever has it can write',
  ),
  timeout,
});
type Settings = z.output<typeof schema>;

/** Teams takes about 28 KB. */
const MESSAGE_BYTES_MAX = 27_000;
const HEADLINE_MAX = 250;
const LINES_MAX = 60;
/** How much is told, less and less until it fits. */
const SIZES: readonly { readonly textMax: number; readonly facts: number; readonly valueMax: number }[] = [
  { textMax: 5000, facts: 20, valueMax: 300 },
  { textMax: 2500, facts: 20, valueMax: 150 },
  { textMax: 1200, facts: 10, valueMax: 100 },
  { textMax: 500, facts: 0, valueMax: 0 },
];

interface Run {
  readonly text: string;
  readonly weight?: 'Bolder';
  readonly size?: 'Large';
  readonly color?: 'Attention' | 'Warning' | 'Good' | 'Default';
}
const line = (runs: readonly Run[], spacing: 'None' | 'Small' = 'None') => ({
  type: 'RichTextBlock',
  spacing,
  inlines: runs.map(run => ({ type: 'TextRun', ...run })),
});

const colorOf = ({ event, severity }: Notice): NonNullable<Run['color']> => {
  if (event === 'resolved' || event === 'summary') return 'Good';
  if (event === 'test' || severity === 'info') return 'Default';
  return severity === 'warning' ? 'Warning' : 'Attention';
};

const headingOf = (notice: Notice): Run => ({
  text: headline(notice, HEADLINE_MAX),
  weight: 'Bolder',
  size: 'Large',
  color: colorOf(notice),
});

const cardOf = (notice: Notice, size: (typeof SIZES)[number]) => {
  const lines = textOf(notice, size.textMax).split('\n');
  const shown =
    lines.length > LINES_MAX
      ? [...lines.slice(0, LINES_MAX - 1), lines.slice(LINES_MAX - 1).join(' ')]
      : lines;
  const link = linkOf(notice);
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      // Teams has no key to tell a repetition by; a card's element may carry one all the same.
      { ...line([headingOf(notice)]), id: notice.id },
      // A run without text is no valid run.
      ...shown.map(text => line([{ text: text === '' ? '\u00a0' : text }], 'Small')),
      ...factsOf(notice, size.facts, size.valueMax).map(({ label, value }) =>
        line([{ text: `${label}: `, weight: 'Bolder' }, { text: value }]),
      ),
    ],
    ...(link === undefined
      ? {}
      : { actions: [{ type: 'Action.OpenUrl', title: 'Open the incident', url: link }] }),
  };
};

const messageOf = (notice: Notice): string => {
  const written = SIZES.map(
    size => () =>
      JSON.stringify({
        type: 'message',
        attachments: [
          {
            contentType: 'application/vnd.microsoft.card.adaptive',
            contentUrl: null,
            content: cardOf(notice, size),
          },
        ],
      }),
  );
  const bytes = new TextEncoder();
  const fits = (text: string) => bytes.encode(text).byteLength <= MESSAGE_BYTES_MAX;
  for (const write of written.slice(0, -1)) {
    const text = write();
    if (fits(text)) return text;
  }
  return written.at(-1)!();
};

const ANEW = 'make the Workflow anew (or turn it on) in Teams, and set url to its webhook';
const advise = ({ status }: Answer): string | undefined =>
  [401, 403, 404, 410].includes(status) ? ANEW : undefined;
/** What some gateways in front of Teams say with a 200. */
const FAILED = /^\W*webhook message delivery failed/i;

const create = (s: Settings, ctx: Context): Notifier => {
  const scrub = scrubber(secretsOfUrl(s.url));
  const channel: Channel = { ctx, name: 'Teams', timeoutMs: s.timeout, scrub, advise };
  return notifierOf(scrub, async (notice, _previous, signal) => {
    const answer = await send(channel, { url: s.url, body: messageOf(notice) }, signal);
    if (FAILED.test(answer.text)) throw new Retry(wordsOf(channel, answer));
    return {};
  });
};

export default defineNotifier({
  kind: 'teams',
  summary: 'Writes to a Microsoft Teams channel through a Workflows webhook',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { repeatEveryMs: null },
  create,
});
