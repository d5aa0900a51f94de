import { afterEach, describe, expect, test } from 'vitest';
import { Permanent, Retry } from '../../src/contracts/notifier.ts';
import slack from '../../src/notifiers/slack.ts';
import { nodeContext, noticeOf, notifierConformance } from '../conformance/notifier.ts';
import { httpEnd, say } from '../injectors/http-end.ts';
import { channelEnd } from './http-end.ts';

const PATH = '/services/T0123ABCD/B0123ABCD/x9x8x7x6x5x4x3x2';
const never = new AbortController().signal;

interface Text {
  readonly type: string;
  readonly text: string;
}
interface Message {
  readonly text: string;
  readonly blocks: readonly {
    readonly type: string;
    readonly block_id?: string;
    readonly text?: Text;
    readonly fields?: readonly Text[];
    readonly elements?: readonly Text[];
  }[];
}

/** As Slack shows it: entities are characters again, and what is left in angle brackets is a link's label. */
const read = (text: string): string =>
  text
    .replace(/<[^<>|]*\|([^<>]*)>/g, '$1')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&');
const textsOf = (message: Message): Text[] =>
  message.blocks.flatMap(b => [...(b.text ? [b.text] : []), ...(b.fields ?? []), ...(b.elements ?? [])]);

notifierConformance('slack', {
  definition: slack,
  secrets: [PATH, 'x9x8x7x6x5x4x3x2', 'T0123ABCD'],
  saysWhen: true,
  textMin: 700,
  within: ({ raw }) => {
    const message = JSON.parse(raw) as Message;
    const { blocks } = message;
    expect(message.text.length).toBeGreaterThan(0);
    expect(message.text.length).toBeLessThanOrEqual(4000);
    expect(blocks.length).toBeLessThanOrEqual(50);
    for (const block of blocks) {
      expect(block.block_id?.length ?? 1).toBeLessThanOrEqual(255);
      if (block.text) expect(block.text.text.length).toBeLessThanOrEqual(3000);
      expect(block.fields?.length ?? 1).toBeLessThanOrEqual(10);
      for (const field of block.fields ?? []) expect(field.text.length).toBeLessThanOrEqual(2000);
      expect(block.elements?.length ?? 1).toBeLessThanOrEqual(10);
    }
    for (const { type, text } of textsOf(message)) {
      expect(type).toBe('mrkdwn');
      expect(text.length).toBeGreaterThan(0);
      // Every & begins an entity, and every < a link that we meant.
      expect(text.replace(/&(amp|lt|gt);/g, '')).not.toContain('&');
      expect(text.replace(/<https:\/\/canary\.example\.com\/[^<>|]*\|[^<>]*>/g, '')).not.toMatch(/[<>]/);
    }
  },
  end: () =>
    channelEnd({
      settings: url => ({ url: `${url}${PATH}` }),
      no: { status: 404, body: 'no_service' },
      take: told => {
        const message = JSON.parse(told.body) as Message;
        const shown = textsOf(message)
          .map(t => read(t.text))
          .join('\n');
        const key = message.blocks.find(b => b.block_id !== undefined)?.block_id ?? '';
        return { status: 200, body: 'ok', delivery: { key, shown, raw: told.body } };
      },
    }),
});

describe('what Slack says', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });
  test.each([
    [404, 'no_service', Permanent, /new incoming webhook/],
    [403, 'invalid_token', Permanent, /new incoming webhook/],
    [404, 'channel_not_found', Permanent, /channel is gone/],
    [410, 'channel_is_archived', Permanent, /channel is gone/],
    [403, 'action_prohibited', Permanent, /admin/],
    [400, 'invalid_payload', Permanent, /did not understand/],
    [500, 'rollup_error', Retry, /rollup_error/],
    [429, 'rate_limited', Retry, /rate_limited/],
  ] as const)('%i %s', async (status, body, expected, words) => {
    const end = await httpEnd(say(status, body));
    cleanups.push(end.stop);
    const notifier = await slack.create(slack.schema.parse({ url: end.url }), nodeContext);
    const error = await notifier.notify(noticeOf('i1', 1), null, never).catch(e => e);
    expect(error).toBeInstanceOf(expected);
    expect(error.message).toMatch(words);
  });
});
