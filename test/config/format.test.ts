import { expect, test } from 'vitest';
import { formatDiagnostic, formatDiagnostics } from '../../src/config/format.ts';
import { good, parse } from './parse.ts';

test('where, what, what to do, and a caret below it', () => {
  const { diagnostics } = parse(good({ 12: '        lost_after: 10 minutes' }, 'retension: {}'));
  expect(formatDiagnostics(diagnostics)).toBe(
    [
      'coalmine.yaml:12:21 error pipelines.ssh.checkpoints[0].lost_after: expected a duration such as 10s, 5m or 1h30m, found "10 minutes"; write 10m',
      '            lost_after: 10 minutes',
      '                        ^',
      'coalmine.yaml:17:1 error retension: unknown key "retension"; did you mean "retention"?',
      '    retension: {}',
      '    ^',
      '2 errors',
      '',
    ].join('\n'),
  );
  expect(formatDiagnostics([])).toBe('');
});

test('a long line is cut around the caret', () => {
  const source = `${'a'.repeat(300)}X${'b'.repeat(300)}`;
  const text = formatDiagnostic({
    level: 'hint',
    file: 'f',
    line: 1,
    column: 301,
    path: '',
    message: 'm',
    source,
  });
  const [head, shown, caret] = text.split('\n');
  expect(head).toBe('f:1:301 hint m');
  expect(shown!.length).toBeLessThan(120);
  expect(shown![caret!.indexOf('^')]).toBe('X');
});

test('tabs before the caret stay tabs', () => {
  const text = formatDiagnostic({
    level: 'error',
    file: 'f',
    line: 1,
    column: 3,
    path: 'p',
    message: 'm',
    source: '\ta\tb',
  });
  expect(text.split('\n')[2]).toBe('    \t ^');
});
