/** Inputs that the tests of formats, recognition and integrity share. */
import fc from 'fast-check';
import type { EventFormat, EventInput } from '../../../src/domain/event.ts';
import { createTemplate, formats } from '../../../src/domain/formats/index.ts';

export const TOKEN = 'coalmine1aaaabbbbccccddddeeeeffffgggghhhhiiiijjjj';
export const UUID = '00000001-0203-8405-8607-08090a0b0c0d';

export const input: EventInput = {
  token: TOKEN,
  uuid: UUID,
  slotMs: Date.UTC(2026, 2, 4, 5, 6, 7, 89),
  nowMs: Date.UTC(2026, 2, 4, 5, 6, 7, 500),
  target: 'web-1',
  pipeline: 'ssh-to-loki',
  user: 'canary',
  sourceIp: '192.0.2.10',
  sourcePort: 50022,
  host: 'web-1.example.com',
  userAgent: 'coalmine/0.1 (synthetic; +https://example.com/canary)',
};

export const textTemplate = createTemplate(
  '{{time}} LOGIN user={{user}} ip={{source_ip}}:{{source_port}} via {{host}} id={{token}} at={{time_ms}};',
);
export const jsonTemplate = createTemplate(
  `{"ts": {{time_ms}}, "when": "{{time}}", "slot": {{slot_ms}}, "kind": "login",
    "who": {"name": "{{user}}", "addr": "{{source_ip}}"}, "ids": ["{{token}}", "{{uuid}}"], "ua": "{{user_agent}}"}`,
);
export const ocsf = formats.get('ocsf') as EventFormat;
export const ecs = formats.get('ecs') as EventFormat;
export const sshd = formats.get('sshd') as EventFormat;
export const all: readonly (readonly [string, EventFormat])[] = [
  ['ocsf', ocsf],
  ['ecs', ecs],
  ['sshd', sshd],
  ['text template', textTemplate],
  ['JSON template', jsonTemplate],
];

/** Words as people's names have them: any script, no control characters at the ends. */
const word = fc
  .string({ unit: 'grapheme', minLength: 3, maxLength: 20 })
  .map(s => `n${s.replace(/[\s\p{C}]/gu, '')}m`);

export const anyInput: fc.Arbitrary<EventInput> = fc.record({
  token: fc.stringMatching(/^[a-z2-7]{40}$/).map(s => `coalmine1${s}`),
  uuid: fc.uuid({ version: 8 }),
  slotMs: fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 }),
  nowMs: fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 }),
  target: word,
  pipeline: word,
  user: word,
  sourceIp: fc.oneof(fc.ipV4(), fc.ipV6()),
  sourcePort: fc.integer({ min: 1, max: 65535 }),
  host: fc.domain(),
  userAgent: word.map(w => `${w}/1.0 (synthetic)`),
});
