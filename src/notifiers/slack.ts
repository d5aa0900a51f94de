// Writes notices to a Slack channel through an incoming webhook. Slack's own markup is escaped: a notice names nobody and
// links nowhere but to its incident. An incoming webhook tells no id back, so that each notice is a message of its own.
import { z } from 'zod';
import type { Answer } from '../adapters/exchange.ts';
import type { Context } from '../contracts/context.ts';
import { defineNotifier } from '../contracts/define.ts';
import type { Notice, Notifier } from '../contracts/notifier.ts';
import { notifierOf } from './lib/deliver.ts';
import { type Channel, send } from './lib/http.ts';
import { cutRemark, factsOf, headline, linkOf } from './lib/notice.ts';
import { scrubber, secretsOfUrl } from './lib/scrub.ts';
import { secretUrl, timeout } from './lib/settings.ts';
import { cut, cutEscaped, escapeAngles, oneLine, printable } from './lib/text.ts';

const schema = z.strictObject({
  url: secretUrl.describe(
    'The incoming webhook, such as https://hooks.slack.com/services/…; whoever has it can write',
  ),
  timeout,
});
type Settings = z.output<typeof schema>;

/** Slack's limits, in characters, and how many facts are a list that is read. */
const SECTION_MAX = 3000;
const FIELD_MAX = 2000;
const FIELDS_PER_SECTION = 10;
const BLOCK_ID_MAX = 255;
const HEADLINE_MAX = 250;
const FACTS_MAX = 20;

/** Escaped, and nothing in it is made a link or a mention. */
const markup = (text: string) => ({ type: 'mrkdwn', text, verbatim: true });

const fieldsOf = (notice: Notice) => {
  const fields = factsOf(notice, FACTS_MAX).map(({ label, value }) =>
    markup(cut(`*${escapeAngles(label)}*\n${cutEscaped(value, FIELD_MAX / 2, escapeAngles)}`, FIELD_MAX)),
  );
  const sections = [];
  for (let at = 0; at < fields.length; at += FIELDS_PER_SECTION)
    sections.push({ type: 'section', fields: fields.slice(at, at + FIELDS_PER_SECTION) });
  return sections;
};

const messageOf = (notice: Notice) => {
  const title = escapeAngles(headline(notice, HEADLINE_MAX));
  const remark = escapeAngles(cutRemark(notice));
  const text = cutEscaped(printable(notice.text), SECTION_MAX, escapeAngles, remark);
  const link = linkOf(notice);
  const heading = link === undefined ? `*${title}*` : `*<${escapeAngles(link)}|${title}>*`;
  const where = oneLine(
    notice.checkpoint === null ? notice.pipeline.title : `${notice.pipeline.title}, at ${notice.checkpoint}`,
  );
  const origin = escapeAngles(`${cut(where, 200)} · incident ${cut(oneLine(notice.incident), 100)}`);
  return {
    text: title,
    blocks: [
      { type: 'section', text: markup(heading) },
      ...(text === '' ? [] : [{ type: 'section', text: markup(text) }]),
      ...fieldsOf(notice),
      { type: 'context', block_id: notice.id.slice(0, BLOCK_ID_MAX), elements: [markup(origin)] },
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
};

const ANEW = 'make a new incoming webhook in Slack and set url to it';
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/no_service|no_team|invalid_token|team_disabled/, ANEW],
  [/channel_not_found|channel_is_archived/, `its channel is gone: ${ANEW}`],
  [/action_prohibited|posting_to_.*_denied/, 'an admin of the workspace must allow it to post'],
];
const advise = (answer: Answer): string | undefined =>
  ADVICE.find(([said]) => said.test(answer.text.slice(0, 200)))?.[1] ??
  ([403, 404, 410].includes(answer.status) ? ANEW : undefined);

const create = (s: Settings, ctx: Context): Notifier => {
  const scrub = scrubber(secretsOfUrl(s.url));
  const channel: Channel = { ctx, name: 'Slack', timeoutMs: s.timeout, scrub, advise };
  return notifierOf(scrub, async (notice, _previous, signal) => {
    await send(channel, { url: s.url, body: JSON.stringify(messageOf(notice)) }, signal);
    return {};
  });
};

export default defineNotifier({
  kind: 'slack',
  summary: 'Writes to a Slack channel through an incoming webhook',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { repeatEveryMs: null },
  create,
});
