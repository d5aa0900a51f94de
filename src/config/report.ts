/** Collects findings as diagnostics: located, worded, bounded, and free of secrets. */
import { type Diagnostic, type Finding, type Path, printPath, type Report } from './diagnostic.ts';
import { redact } from './secrets.ts';
import type { Source } from './source.ts';

const DIAGNOSTICS_MAX = 200;

export interface Collector extends Report {
  /** In the order of the file. */
  diagnostics(): Diagnostic[];
}

export const collect = (source: Source, file: string): Collector => {
  const found: Diagnostic[] = [];
  // What is already known to be wrong isn't judged again: an unset variable is not also a bad duration.
  const spoiled = new Set<string>();
  let leftOut = 0;
  const push = (diagnostic: Diagnostic): void => {
    if (found.length < DIAGNOSTICS_MAX) found.push(diagnostic);
    else leftOut += 1;
  };
  const lineOf = (line: number) => ({ source: source.line(line) });
  for (const finding of source.findings) {
    const { line, column, path = [] } = finding;
    push({ ...finding, file, path: printPath(path), ...lineOf(line) });
    if (finding.level === 'error') spoiled.add(`${line}:${column}`);
  }
  const clean = (text: string) => redact(text, source.hidden);
  const add = (level: Diagnostic['level'], path: Path, finding: Finding): void => {
    const { line, column } = source.place(path, finding.atKey);
    if (spoiled.has(`${line}:${column}`)) return;
    const { expected } = finding;
    const fix =
      finding.fix ?? (expected !== undefined && !source.has(path) ? `add ${path.at(-1)}` : undefined);
    const shown = finding.atKey ? JSON.stringify(path.at(-1)) : source.show(path);
    const message = finding.message ?? `expected ${expected}, found ${shown}`;
    push({
      level,
      file,
      line,
      column,
      path: printPath(path),
      message: clean(message),
      ...(expected === undefined ? {} : { expected: clean(expected), found: clean(shown) }),
      ...(fix === undefined ? {} : { fix: clean(fix) }),
      ...lineOf(line),
    });
  };
  return {
    error: (path, finding) => add('error', path, finding),
    warning: (path, finding) => add('warning', path, finding),
    hint: (path, finding) => add('hint', path, finding),
    diagnostics: () => {
      const all = found.sort((a, b) => a.line - b.line || a.column - b.column);
      if (leftOut === 0) return all;
      const message = `${leftOut} more findings are left out`;
      return [...all, { level: 'error', file, line: 1, column: 1, path: '', message }];
    },
  };
};
