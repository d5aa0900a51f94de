import { afterEach, expect, test } from 'vitest';
import { Retry } from '../../src/contracts/notifier.ts';
import teams from '../../src/notifiers/teams.ts';
import { nodeContext, noticeOf, notifierConformance } from '../conformance/notifier.ts';
import { httpEnd, say } from '../injectors/http-end.ts';
import { channelEnd } from './http-end.ts';

const SIG = 'sIgNaTuRe_0123456789-abcdef';
const PATH = `/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke?api-version=1&sig=${SIG}`;
const never = new AbortController().signal;

interface Card {
  readonly type: string;
  readonly version: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly inlines: readonly { readonly type: string; readonly text: string }[];
  }[];
  readonly actions?: readonly { readonly type: string; readonly url: string }[];
}
const cardOf = (body: string): Card => {
  const message = JSON.parse(body) as { type: string; attachments: { contentType: string; content: Card }[] };
  expect(message.type).toBe('message');
  expect(message.attachments.map(a => a.contentType)).toEqual(['application/vnd.microsoft.card.adaptive']);
  return message.attachments[0]!.content;
};

notifierConformance('teams', {
  definition: teams,
  secrets: [SIG, '0a1b2c3d4e5f'],
  saysWhen: true,
  textMin: 400,
  within: ({ raw }) => {
    expect(Buffer.byteLength(raw)).toBeLessThan(28_000);
    const card = cardOf(raw);
    expect([card.type, card.version]).toEqual(['AdaptiveCard', '1.4']);
    // A TextBlock or a FactSet would read Markdown.
    expect(new Set(card.body.map(b => b.type))).toEqual(new Set(['RichTextBlock']));
    for (const run of card.body.flatMap(b => b.inlines)) {
      expect(run.type).toBe('TextRun');
      expect(run.text.length).toBeGreaterThan(0);
    }
  },
  end: () =>
    channelEnd({
      settings: url => ({ url: `${url}${PATH}` }),
      no: { status: 404, body: '{"error":{"code":"WorkflowNotFound"}}' },
      take: told => {
        const { body } = cardOf(told.body);
        const shown = body.map(b => b.inlines.map(i => i.text).join('')).join('\n');
        const delivery = { key: body.find(b => b.id)?.id ?? '', shown, raw: told.body };
        return { status: 202, body: '', delivery };
      },
    }),
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});
const facing = async (answer: Parameters<typeof httpEnd>[0]) => {
  const end = await httpEnd(answer);
  cleanups.push(end.stop);
  return { end, notifier: await teams.create(teams.schema.parse({ url: end.url }), nodeContext) };
};

test('a failure that is told with a 200 is a failure', async () => {
  const words =
    'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429';
  const { notifier } = await facing(say(200, words));
  await expect(notifier.notify(noticeOf('i1', 1), null, never)).rejects.toBeInstanceOf(Retry);
});

test('what is cut says so, and the link to the whole is there', async () => {
  const { end, notifier } = await facing(say(202));
  await notifier.notify(noticeOf('i1', 1, { text: 'x'.repeat(10_000) }), null, never);
  const card = cardOf(end.told[0]!.body);
  expect(
    card.body.some(b => b.inlines.some(i => /\(cut: the whole is on the incident’s page\)$/.test(i.text))),
  ).toBe(true);
  expect(card.actions).toMatchObject([
    { type: 'Action.OpenUrl', url: 'https://canary.example.com/incidents/i1' },
  ]);
});

test('without a page there is no link, and one that is no web address is none', async () => {
  const { end, notifier } = await facing(say(202));
  await notifier.notify(noticeOf('i1', 1, { url: null }), null, never);
  await notifier.notify(noticeOf('i1', 1, { url: 'javascript:alert(1)' }), null, never);
  for (const { body } of end.told) expect(cardOf(body)).not.toHaveProperty('actions');
});
