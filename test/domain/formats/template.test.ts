import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTemplate } from '../../../src/domain/formats/index.ts';
import { anyInput, input, TOKEN, UUID } from './input.ts';

describe('template', () => {
  test('fills in every placeholder', () => {
    const names =
      'token uuid time time_ms slot_ms user source_ip source_port host user_agent target pipeline'.split(' ');
    const { text } = createTemplate(names.map(n => `{{${n}}}`).join('|')).write(input);
    expect(text.split('|')).toEqual([
      TOKEN,
      UUID,
      '2026-03-04T05:06:07.500Z',
      '1772600767500',
      '1772600767089',
      'canary',
      '192.0.2.10',
      '50022',
      'web-1.example.com',
      'coalmine/0.1 (synthetic; +https://example.com/canary)',
      'web-1',
      'ssh-to-loki',
    ]);
  });

  test.each([
    ['{{token}} {{usr}}', /unknown placeholder \{\{usr\}\}.*\{\{user\}\}/],
    ['user {{user}}', /neither \{\{token\}\} nor \{\{uuid\}\}.*\{\{pipeline\}\}/],
    ['{{token}}\n{{user}}', /one line/],
    ['{"a":"{{token}} {{time}}"}', /without a \{\{time\}\}/],
    ['{"{{token}}":1}', /in a value of its own/],
  ])('%j is refused with words for a person', (template, message) => {
    expect(() => createTemplate(template)).toThrow(message);
  });

  test('a JSON template stays one line of valid JSON whatever the values hold', () => {
    const format = createTemplate('{"id": "{{token}}",\n  "who": "u {{user}}", "port": {{source_port}}}\n');
    fc.assert(
      fc.property(anyInput, fc.string({ unit: 'binary' }), (any, user) => {
        const { text, json } = format.write({ ...any, user });
        expect(text).not.toMatch(/[\r\n]/);
        expect(JSON.parse(text)).toEqual({ id: any.token, who: `u ${user}`, port: any.sourcePort });
        expect(json).toEqual(JSON.parse(text));
      }),
    );
  });

  test('the significant fields hold nothing of the time of the attempt', () => {
    const format = createTemplate(
      '{"id":"{{token}}","at":"{{time}}","n":{{time_ms}},"x":["{{user}}","at {{time}}"]}',
    );
    expect(format.write(input).fields).toEqual({ id: TOKEN, 'x.0': 'canary' });
    expect(createTemplate('{{time}} {{token}}').write(input).fields).toEqual({ token: TOKEN });
  });
});
