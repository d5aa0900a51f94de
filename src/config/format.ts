/** Diagnostics as text for a terminal: where, what, what to do, and the line with a caret. */
import type { Diagnostic } from './diagnostic.ts';

/** Longer lines are cut; a caret near the end moves the cut. */
const SOURCE_CHARS_MAX = 110;
const BEFORE_CARET_CHARS = 70;

export const formatDiagnostic = (d: Diagnostic): string => {
  const where = `${d.file}:${d.line}:${d.column}`;
  const what = d.path === '' ? d.message : `${d.path}: ${d.message}`;
  const head = `${where} ${d.level} ${what}${d.fix === undefined ? '' : `; ${d.fix}`}`;
  if (d.source === undefined || d.source.trim() === '') return head;
  const from = d.column > SOURCE_CHARS_MAX - 30 ? d.column - BEFORE_CARET_CHARS : 0;
  const shown = d.source.slice(from, from + SOURCE_CHARS_MAX);
  // Tabs stay tabs, so that the caret stands below its column.
  const pad = d.source.slice(from, d.column - 1).replace(/[^\t]/g, ' ');
  return `${head}\n    ${shown}\n    ${pad}^`;
};

/** All of them, and how many of each; empty for none. */
export const formatDiagnostics = (diagnostics: readonly Diagnostic[]): string => {
  if (diagnostics.length === 0) return '';
  const counts = (['error', 'warning', 'hint'] as const).flatMap(level => {
    const n = diagnostics.filter(d => d.level === level).length;
    return n === 0 ? [] : [`${n} ${level}${n === 1 ? '' : 's'}`];
  });
  return `${diagnostics.map(formatDiagnostic).join('\n')}\n${counts.join(', ')}\n`;
};
