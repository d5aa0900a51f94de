import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyInput, ecs, input, TOKEN } from './input.ts';

/**
 * Types of the ECS 9.4 fields used here, from https://www.elastic.co/docs/reference/ecs/ecs-field-reference.
 * `[]`: ECS expects an array.
 */
const TYPES: Readonly<Record<string, string>> = {
  '@timestamp': 'date',
  message: 'text',
  tags: 'keyword[]',
  'ecs.version': 'keyword',
  'event.kind': 'keyword',
  'event.category': 'keyword[]',
  'event.type': 'keyword[]',
  'event.action': 'keyword',
  'event.outcome': 'keyword',
  'event.id': 'keyword',
  'event.created': 'date',
  'event.module': 'keyword',
  'event.dataset': 'keyword',
  'event.provider': 'keyword',
  'user.name': 'keyword',
  'source.ip': 'ip',
  'source.port': 'long',
  'host.name': 'keyword',
  'user_agent.original': 'keyword',
  // Not ECS: OpenTelemetry's attribute of that name (semantic conventions, user_agent.synthetic.type).
  'user_agent.synthetic.type': 'keyword',
};
/** Custom fields that ECS leaves to us: labels, and what stands under a name of our own. */
const CUSTOM = /^(labels|coalmine)\./;

const holds: Readonly<Record<string, (value: unknown) => boolean>> = {
  date: v => typeof v === 'string' && new Date(v).toISOString() === v,
  text: v => typeof v === 'string',
  keyword: v => typeof v === 'string',
  'keyword[]': v => Array.isArray(v) && v.every(e => typeof e === 'string'),
  ip: v => typeof v === 'string' && isIP(v) !== 0,
  long: v => Number.isInteger(v),
};

const flat = (value: object, path = ''): [string, unknown][] =>
  Object.entries(value).flatMap(([key, child]) =>
    typeof child === 'object' && !Array.isArray(child)
      ? flat(child, `${path}${key}.`)
      : [[path + key, child]],
  );

describe('ecs', () => {
  test('every field of any event is an ECS field of its type, and nested', () => {
    fc.assert(
      fc.property(anyInput, fc.boolean(), (any, hard) => {
        for (const [path, value] of flat(JSON.parse(ecs.write({ ...any, hard }).text))) {
          if (CUSTOM.test(path)) continue;
          expect([path, holds[TYPES[path] ?? '']?.(value)]).toEqual([path, true]);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('labels are keywords, and their names hold no dots', () => {
    for (const [name, value] of Object.entries(JSON.parse(ecs.write(input).text).labels))
      expect([typeof value, name.includes('.')]).toEqual(['string', false]);
  });

  test('is an authentication event that is marked synthetic', () => {
    const event = JSON.parse(ecs.write(input).text);
    expect(event.event).toMatchObject({
      kind: 'event',
      category: ['authentication'],
      type: ['start'],
      outcome: 'success',
      id: TOKEN,
    });
    expect(event['@timestamp']).toBe('2026-03-04T05:06:07.500Z');
    expect(event.labels).toMatchObject({ synthetic: 'true', slot_ms: '1772600767089' });
    expect(event.tags).toContain('synthetic');
    expect(event.user_agent.synthetic.type).toBe('test');
    expect(Date.parse(event['@timestamp'])).toBeLessThanOrEqual(Date.parse(event.event.created));
  });
});
