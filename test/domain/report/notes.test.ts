import { expect, test } from 'vitest';
import { recordOf } from '../../../src/domain/report/notes.ts';

const note = (text: string, kind: 'ack' | 'note' = 'note', by = 'Kim', atMs = 1) => ({
  atMs,
  by,
  kind,
  text,
});

test('lines that begin with a field’s word say it, on to an empty line or the next such word', () => {
  const { fields, rest } = recordOf([
    note('We looked.\nCause: a full disk\n  on web-1\nSecurity issues: none found\n\nMore tomorrow.'),
    note('root cause: the rotation, in the end', 'note', 'Lee', 2),
    note('- Further actions: move logs\n- Monitoring resumed: 14:00, by Lee\nRemediation:'),
  ]);
  expect(fields.cause).toEqual([
    { atMs: 1, by: 'Kim', text: 'a full disk on web-1' },
    { atMs: 2, by: 'Lee', text: 'the rotation, in the end' },
  ]);
  expect(fields.security.map(s => s.text)).toEqual(['none found']);
  expect(fields.actions.map(s => s.text)).toEqual(['move logs']);
  expect(fields.resumed.map(s => s.text)).toEqual(['14:00, by Lee']);
  expect(fields.remediation).toEqual([]);
  expect(rest).toEqual([{ atMs: 1, by: 'Kim', kind: 'note', text: 'We looked. More tomorrow.' }]);
});

test('other colons are text, and taking it is told without a word', () => {
  const { fields, rest } = recordOf([note('at 14:02: Because: of that'), note('', 'ack')]);
  expect(Object.values(fields).flat()).toEqual([]);
  expect(rest.map(r => [r.kind, r.text])).toEqual([
    ['note', 'at 14:02: Because: of that'],
    ['ack', ''],
  ]);
});
